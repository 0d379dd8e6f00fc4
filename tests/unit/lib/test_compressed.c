/*
 * Goal: what any compressor has made is told from text, by its name or its
 * first octets, and no text is taken for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/compressed.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
names_of_compressed_files_are_known(void **state)
{
	static const char *const yes[] = { "a.log.1.bz2", "a.Z", "a.z", "a.lz4",
		"a.LZMA", "a.lzo", "a.log-20261126.br", "a.zip", "a.7z",
		"a.tgz" };
	static const char *const no[] = { "", "a", "bz2", ".bz2", ".Z", "a.log",
		"a.log.1", "a.bz2.log", "abz2", "a.gz", "a.zst", "a.xz",
		"zip.log", "a.azip" };

	(void)state;
	for (size_t i = 0; i < COUNT(yes); i++)
		assert_true(compressed_by_name(yes[i]));
	for (size_t i = 0; i < COUNT(no); i++)
		assert_false(compressed_by_name(no[i]));
}

/* As the programs have written them. */
static const struct head {
	size_t n;
	const char *p;
} heads[] = {
	{ 10, "BZh91AY&SY" },
	{ 10, "BZh9\x17\x72\x45\x38\x50\x90" },
	{ 13, "\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff" },
	{ 13, "\x5d\0\0\0\x04\xff\xff\xff\xff\xff\xff\xff\xff" },
	{ 10, "\x1f\x8b\x08\x08\0\0\0\0\0\x03" },
	{ 8, "\x1f\x9d\x90\x6c\xd2\xb8\x51\x03" },
	{ 8, "\x04\x22\x4d\x18\x64\x40\xa7\x5b" },
	{ 8, "\x28\xb5\x2f\xfd\x04\x58\x29\0" },
	{ 8,
	    "\xfd"
	    "7zXZ\0\0\x04" },
	{ 8, "7z\xbc\xaf\x27\x1c\0\x04" },
	{ 8, "PK\x03\x04\x14\0\0\0" },
	{ 9, "\x89LZO\0\r\n\x1a\n" },
	{ 6, "LZIP\x01\x0c" },
};

static void
heads_of_compressed_files_are_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(heads); i++)
		assert_true(compressed_by_head(
		    (const uint8_t *)heads[i].p, heads[i].n));
}

static void
text_and_less_than_a_head_are_not(void **state)
{
	static const char *const texts[] = { "", "a line\n", "BZh is no head\n",
		"BZh91AY is one\n", "PK is text\n", "LZIP\n", "7z is text\n",
		"Rar! is text\n", "]\n", "\xfd", "\xef\xbb\xbftext\n" };

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_false(compressed_by_head(
		    (const uint8_t *)texts[i], strlen(texts[i])));
	for (size_t i = 0; i < COUNT(heads); i++)
		assert_false(
		    compressed_by_head((const uint8_t *)heads[i].p, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_compressed_files_are_known),
		cmocka_unit_test(heads_of_compressed_files_are_known),
		cmocka_unit_test(text_and_less_than_a_head_are_not),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
