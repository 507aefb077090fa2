/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looking at 64 words at once.
 *
 * The heap lies in a few zones far apart: the program's break, and mappings.
 * Two ranges cover them, parted by the widest gap between zones; what lies in
 * a range but in no zone is found out when the word is looked up.
 */
#include "graph/sieve.h"

#include <stdlib.h>
#include <string.h>

#include "heap/pointer.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define PC_MASK ((UINT64_C(1) << SIEVE_PC) - 1)

/* ---- On any machine */

static bool
always(void)
{
	return true;
}

static void
look_portable(const struct sieve *s, const unsigned char *words, uint64_t *pointers,
    uint64_t *pcs)
{
	uint64_t p = 0, c = 0;

	for (unsigned i = 0; i < SIEVE_WORDS; i++) {
		uint64_t w;

		memcpy(&w, words + i * sizeof w, sizeof w);
		c |= (uint64_t)((w & PC_MASK) == s->pc) << i;
		w &= s->keep;
		p |= (uint64_t)((w - s->from[0] <= s->size[0])
			 | (w - s->from[1] <= s->size[1]))
		    << i;
	}
	*pointers = p;
	*pcs = s->wants_pc ? c : 0;
}

/* ---- On x86-64 with AVX2 */

#if defined(__x86_64__)
static bool
has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

/*
 * There are signed compares only, so both sides are moved by 2^63: the left
 * one by what is subtracted from it.
 */
static __attribute__((target("avx2"))) void
look_avx2(const struct sieve *s, const unsigned char *words, uint64_t *pointers,
    uint64_t *pcs)
{
	const uint64_t flip = UINT64_C(1) << 63;
	const __m256i from0 = _mm256_set1_epi64x((int64_t)(s->from[0] + flip));
	const __m256i from1 = _mm256_set1_epi64x((int64_t)(s->from[1] + flip));
	const __m256i size0 = _mm256_set1_epi64x((int64_t)(s->size[0] ^ flip));
	const __m256i size1 = _mm256_set1_epi64x((int64_t)(s->size[1] ^ flip));
	const __m256i keep = _mm256_set1_epi64x((int64_t)s->keep);
	const __m256i mask = _mm256_set1_epi64x((int64_t)PC_MASK);
	const __m256i pc = _mm256_set1_epi64x((int64_t)s->pc);
	uint64_t not = 0, c = 0;

	for (unsigned i = 0; i < SIEVE_WORDS; i += 4) {
		__m256i w = _mm256_loadu_si256((const __m256i *)(words + i * 8));
		__m256i a = _mm256_and_si256(w, keep);
		__m256i out0 = _mm256_cmpgt_epi64(_mm256_sub_epi64(a, from0), size0);
		__m256i out1 = _mm256_cmpgt_epi64(_mm256_sub_epi64(a, from1), size1);
		__m256i out = _mm256_and_si256(out0, out1);
		__m256i same = _mm256_cmpeq_epi64(_mm256_and_si256(w, mask), pc);

		not |= (uint64_t)(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(out))
		    << i;
		c |= (uint64_t)(unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(same))
		    << i;
	}
	*pointers = ~not ;
	*pcs = s->wants_pc ? c : 0;
}
#endif

/* ---- On aarch64, where NEON is always there */

#if defined(__aarch64__)
static uint64_t
two_bits(uint64x2_t lanes)
{
	return (vgetq_lane_u64(lanes, 0) & 1) | (vgetq_lane_u64(lanes, 1) & 2);
}

static void
look_neon(const struct sieve *s, const unsigned char *words, uint64_t *pointers,
    uint64_t *pcs)
{
	const uint64x2_t from0 = vdupq_n_u64(s->from[0]),
			 from1 = vdupq_n_u64(s->from[1]);
	const uint64x2_t size0 = vdupq_n_u64(s->size[0]),
			 size1 = vdupq_n_u64(s->size[1]);
	const uint64x2_t keep = vdupq_n_u64(s->keep);
	const uint64x2_t mask = vdupq_n_u64(PC_MASK), pc = vdupq_n_u64(s->pc);
	uint64_t p = 0, c = 0;

	for (unsigned i = 0; i < SIEVE_WORDS; i += 2) {
		uint64x2_t w = vreinterpretq_u64_u8(vld1q_u8(words + i * 8));
		uint64x2_t a = vandq_u64(w, keep);
		uint64x2_t in0 = vcleq_u64(vsubq_u64(a, from0), size0);
		uint64x2_t in1 = vcleq_u64(vsubq_u64(a, from1), size1);

		p |= two_bits(vorrq_u64(in0, in1)) << i;
		c |= two_bits(vceqq_u64(vandq_u64(w, mask), pc)) << i;
	}
	*pointers = p;
	*pcs = s->wants_pc ? c : 0;
}
#endif

const struct sieve_way sieve_ways[] = {
#if defined(__x86_64__)
	{ "avx2", has_avx2, look_avx2 },
#elif defined(__aarch64__)
	{ "neon", always, look_neon },
#endif
	{ "portable", always, look_portable },
	{ NULL, NULL, NULL },
};

/* HEAPSCAN_SIMD names a way; "portable" is of use to whoever mistrusts the others. */
static const struct sieve_way *
choose_way(void)
{
	const char *named = getenv("HEAPSCAN_SIMD");
	const struct sieve_way *w = sieve_ways;

	for (; w[1].name; w++)
		if (w->is_there() && (!named || strcmp(named, w->name) == 0))
			break;
	return w;
}

/* Behind which zone the widest gap is; the last one when there is but one. */
static size_t
zones_below_gap(const struct heap *h)
{
	size_t last = h->zones.n;
	uint64_t widest = 0;

	for (size_t i = 0; i + 1 < h->zones.n; i++) {
		uint64_t gap =
		    h->zones.at[i + 1].range.start - h->zones.at[i].range.end;

		if (gap > widest) {
			widest = gap;
			last = i + 1;
		}
	}
	return last;
}

/* Zones [first, end) as one range; one past its end is in it, too. */
static void
cover(struct sieve *s, unsigned i, const struct heap *h, size_t first, size_t end)
{
	if (first == end)
		return;
	s->from[i] = h->zones.at[first].range.start;
	s->size[i] = h->zones.at[end - 1].range.end - s->from[i];
}

void
sieve_init(struct sieve *s, const struct heap *heap, const struct image *image)
{
	size_t low = zones_below_gap(heap);

	*s = (struct sieve) {
		.keep = machine_address_mask(image->core->machine),
		.look = choose_way()->look,
	};
	cover(s, 0, heap, 0, low);
	s->from[1] = s->from[0];
	s->size[1] = s->size[0];
	cover(s, 1, heap, low, heap->zones.n);
	s->wants_pc = image->pointer_guard != 0;
	s->pc = image->pointer_guard >> (64 - SIEVE_PC);
}
