/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lists, trees and cycles: held, leaked, and held by pointers into the middle. */
#include "live/live.h"

struct node {
	struct node *next, *other;
	char name[48];
};

struct node *held_list, *held_ring, *held_tree;
char *inside[4];

static struct node *
node(void *(*mark_as)(void *))
{
	return mark_as(calloc(1, sizeof(struct node)));
}

static struct node *
list(int length, void *(*first)(void *), void *(*rest)(void *))
{
	struct node *head = node(first), *tail = head;

	while (--length > 0)
		tail = tail->next = node(rest);
	return head;
}

static struct node *
ring(int length, void *(*mark_as)(void *))
{
	struct node *head = list(length, mark_as, mark_as), *last = head;

	while (last->next)
		last = last->next;
	return last->next = head;
}

static struct node *
tree(int depth, void *(*root)(void *), void *(*rest)(void *))
{
	struct node *n = node(root);

	if (depth > 1) {
		n->next = tree(depth - 1, rest, rest);
		n->other = tree(depth - 1, rest, rest);
	}
	return n;
}

static void
hold(void)
{
	held_list = list(100, reachable, reachable);
	held_ring = ring(10, reachable);
	held_tree = tree(6, reachable, reachable);
}

static void
leak(void)
{
	static const size_t sizes[] = { 0, 1, 24, 25, 100, 1000, 5000, 70000 };
	struct node *a, *b, *shared;

	for (size_t i = 0; i < COUNT(sizes); i++)
		leaked(calloc(1, sizes[i]));
	list(50, leaked, indirect);
	tree(5, leaked, indirect);

	ring(7, leaked);
	ring(1, leaked);
	a = node(leaked);
	a->next = ring(4, indirect); /* hangs off a leaked head */

	a = node(leaked);
	b = node(leaked);
	shared = node(indirect);
	a->next = b->next = shared;

	a = node(leaked);
	a->next = held_list; /* what the leaked points to is no worse for it */
}

/*
 * Pointers into the middle, at odd places, so that none looks like one that a
 * compiler or a string class makes.
 */
static void
hold_inside(void)
{
	struct node *n = node(interior);

	memset(n->name, 'x', sizeof n->name);
	n->next = node(interior); /* from its start, but only as sure as n is */
	inside[0] = n->name + 27;
	inside[1] = (char *)memset(interior(malloc(300)), 'x', 300) + 171;
	inside[2] = (char *)memset(interior(malloc(9000)), 'x', 9000) + 8003;
	inside[3] = (char *)interior(calloc(1, 300000)) + 4099; /* mmapped */
}

static void
all(void)
{
	hold();
	leak();
	hold_inside();
}

int
main(void)
{
	below(all);
	ready();
}
