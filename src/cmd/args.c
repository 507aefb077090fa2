/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arguments of a command. */
#include "cmd/command.h"

static const struct command *
command_named(const char *name)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->info.name, name))
			return commands[i];
	return NULL;
}

/* Which option is it?  -1: none.  `length` bytes of name count. */
static int
option_index(const struct command *command, const char *name, size_t length)
{
	const struct hs_option *o = command->info.options;

	for (int i = 0; o[i].name; i++)
		if (strlen(o[i].name) == length && !memcmp(o[i].name, name, length))
			return i;
	return -1;
}

/* Takes argv[*i], an option, and the next word when that is its value. */
static bool
take_option(struct call *c, int *i, int argc, char *const argv[], struct hs_error *err)
{
	const char *word = argv[*i] + 2;
	const char *value = strchr(word, '=');
	int o = option_index(c->command, word, strcspn(word, "="));

	if (o < 0)
		return fail_usage(err, "%s has no option %s", c->command->info.name,
		    argv[*i]);
	const struct hs_option *option = &c->command->info.options[o];
	if (!option->arg && value)
		return fail_usage(err, "--%s takes no value", option->name);
	if (value)
		value++;
	else if (!option->arg || option->arg[0] == '[')
		value = "";
	else if (*i + 1 < argc)
		value = argv[++*i];
	else
		return fail_usage(err, "--%s needs a value: --%s=%s", option->name,
		    option->name, option->arg);
	c->option[o] = value;
	return true;
}

bool
call_parse(struct call *c, int argc, char *const argv[], struct hs_error *err)
{
	if (argc < 1)
		return fail_usage(err, "no command was given");
	c->command = command_named(argv[0]);
	if (!c->command)
		return fail_usage(err, "there is no command %s", argv[0]);
	const struct hs_command *info = &c->command->info;
	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--", 2)) {
			if (!take_option(c, &i, argc, argv, err))
				return false;
		} else if (info->args && !c->operand) {
			c->operand = argv[i];
		} else {
			return fail_usage(err, "%s: %s is too much", info->name,
			    argv[i]);
		}
	}
	if (info->args && !c->operand)
		return fail_usage(err, "%s needs %s", info->name, info->args);
	return true;
}

const char *
call_option(const struct call *c, const char *name)
{
	int i = option_index(c->command, name, strlen(name));

	return i < 0 ? NULL : c->option[i];
}

/* The number at *text, which moves behind it. */
static bool
take_number(const char **text, uint64_t *number)
{
	static const char units[] = "KMGT";
	const char *digits = *text;
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	uint64_t n = 0;
	unsigned base = hex ? 16 : 10;

	digits += hex ? 2 : 0;
	const char *p = digits;
	for (;; p++) {
		unsigned d = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0')
		    : hex && *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10)
		    : hex && *p >= 'A' && *p <= 'F' ? (unsigned)(*p - 'A' + 10)
						    : base;

		if (d >= base)
			break;
		if (__builtin_mul_overflow(n, base, &n)
		    || __builtin_add_overflow(n, d, &n))
			return false;
	}
	const char *unit = p > digits && *p ? strchr(units, *p) : NULL;
	if (unit) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);

		if (n > UINT64_MAX >> shift)
			return false;
		n <<= shift;
	}
	*text = p + (unit != NULL);
	*number = n;
	return p > digits;
}

bool
parse_number(const char *text, uint64_t *number)
{
	return take_number(&text, number) && !*text;
}

bool
parse_range(const char *text, uint64_t *least, uint64_t *most)
{
	*least = 0;
	*most = UINT64_MAX;
	if (*text != '-' && !take_number(&text, least))
		return false;
	if (!*text) {
		*most = *least;
		return true;
	}
	if (*text++ != '-')
		return false;
	return !*text || (take_number(&text, most) && !*text && *least <= *most);
}

bool
call_limit(const struct call *c, uint64_t *limit, uint64_t otherwise,
    struct hs_error *err)
{
	const char *text = call_option(c, "limit");

	*limit = otherwise;
	if (text && !parse_number(text, limit))
		return fail_usage(err, "--limit=%s: not a number", text);
	return true;
}
