#include <stddef.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/grammar.h"
#include "daemon/conf/parse.h"
#include "daemon/conf/read.h"
#include "daemon/conf/value.h"

struct conf *
conf_load(const char *file, const struct conf_pairs *macros, struct reason *why)
{
	struct conf_section *root;
	struct conf_text *text;
	struct conf *c = NULL;

	if ((text = conf_read(file, macros, why)) == NULL)
		return (NULL);
	if ((root = conf_grammar_parse(text, why)) != NULL)
		c = conf_parse(root, why);
	conf_tree_free(root);
	conf_text_free(text);
	if (c != NULL && conf_value_keep(file, &c->file, why) == -1) {
		conf_free(c);
		return (NULL);
	}
	return (c);
}
