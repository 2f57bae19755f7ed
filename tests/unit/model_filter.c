/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Filters: what each passes, and how each mistake is told. Cases are tables of
 * JSON, so that they read as the configuration does ('' stands for "").
 */
#include "model/filter.h"

#include "base/buf.h"
#include "base/mem.h"
#include "model/pattern.h"
#include "tap.h"

enum { TEXT_MAX = 1 << 20 };

/* JSON in single quotes, so that cases can be read. */
static json_t *json(const char *text)
{
	auto_free char *copy = mem_strdup(text);
	json_error_t error;
	json_t *value;
	char *c;

	for (c = copy; *c; c++) {
		if (*c == '\'')
			*c = '"';
	}
	value = json_loads(copy, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (!value)
		printf("# %s: %s\n", text, error.text);
	return value;
}

/* Each fault becomes `pointer code: message (help)` and a newline. */
static void note(void *arg, const char *pointer, const char *code,
    const char *message, const char *help)
{
	struct buf *out = arg;

	buf_printf(out, "%s %s: %s", pointer, code, message);
	if (help)
		buf_printf(out, " (%s)", help);
	buf_putc(out, '\n');
}

static struct filter *compile(const char *text, struct buf *faults)
{
	struct filter_faults sink = { faults, note };
	json_auto_t *value = json(text);

	return filter_compile(value, &sink);
}

static void refuses(const char *text, const char *wanted, const char *name)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	struct filter *filter = compile(text, &faults);

	ok(!filter, "%s", name);
	has_str(buf_text(&faults), wanted, "it is told where and why");
	filter_free(filter);
}

static const char view[] =
    "{'id':'61c0','event_type':'incident_triggered','event_count':5,"
    "'big':9007199254740993,'ratio':0.5,'whole':1.0,'yes':true,'no':false,"
    "'nothing':null,'created_at':'2021-12-20T12:24:23.11Z',"
    "'message':'CPU Throttling: 90% used','empty':'',"
    "'service':{'id':'s1','name':'email trigger','slug':'email-trigger'},"
    "'alert_source':{'id':'a1','type':'Squadcast UI',"
    "'short_name':'squadcastui'},"
    "'tags':{'severity':{'value':'critical'}},"
    "'labels':['db','eu',7],"
    "'timeline':[{'action':'triggered'},{'action':'acknowledged'}],"
    "'none':[]}";

static bool passes(const char *text)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	struct filter *filter = compile(text, &faults);
	json_auto_t *event = json(view);
	bool result;

	if (!ok(filter != NULL, "%s is a filter", text)) {
		printf("# %s", buf_text(&faults));
		return false;
	}
	result = filter_passes(filter, event);
	filter_free(filter);
	return result;
}

/* One field condition. */
static bool holds(const char *field, const char *op, const char *value)
{
	auto_free char *text = mem_printf("{'field':'%s','op':'%s'%s%s}", field,
	    op, *value ? ",'value':" : "", value);

	return passes(text);
}

struct condition {
	const char *field;
	const char *op;
	const char *value;
	bool wanted;
};

static void check(const struct condition *c)
{
	for (; c->field; c++)
		ok(holds(c->field, c->op, c->value) == c->wanted,
		    "%s %s %s: %s", c->field, c->op, c->value,
		    c->wanted ? "yes" : "no");
}

static void wrong_shapes(void)
{
	refuses("[]", " wrong-type: a filter is an object",
	    "an array is no filter");
	refuses("'x'", " wrong-type:", "nor is a string");
	refuses("null", " wrong-type:", "nor is null");
	refuses("{}", " empty-filter:", "nor is an empty object");
	refuses("{'all':{}}", "/all wrong-type:", "all wants an array");
	refuses("{'any':[]}", "/any empty-list:", "which is not empty");
	refuses("{'all':[7]}", "/all/0 wrong-type:", "of filters");
	refuses("{'not':[]}", "/not wrong-type:", "not wants one filter");
	refuses("{'not':{}}", "/not empty-filter:", "that says something");
	refuses("{'al':[]}",
	    "/al unknown-key: unknown key \"al\" (did you "
	    "mean \"all\"?)",
	    "a mistyped key is told with the nearest one");
	refuses("{'a/b~c':1}",
	    "/a~1b~0c unknown-key:", "pointers are escaped as in RFC 6901");
	refuses("{'\xe2\x80\xae\\u001b':1}",
	    "unknown key \"\\xe2\\x80\\xae\\x1b\"",
	    "an odd key is made visible");
	refuses("{'all':[{'service':'a'}],'not':{'service':'b'}}",
	    " several-conditions:", "a filter is one condition");
	refuses("{'service':'a','op':'is'}",
	    "/op misplaced-key:", "an operator goes with a field");
	refuses("{'op':'is','value':1}",
	    " missing-key:", "and does not go without");
}

static void wrong_names(void)
{
	refuses("{'service':[]}",
	    "/service empty-list:", "a list of services is not empty");
	refuses("{'service':''}", "/service bad-value:", "nor is a service");
	refuses(
	    "{'service':['a',7]}", "/service/1 bad-value:", "it is a string");
	refuses("{'alert_source':{'id':'a'}}",
	    "/alert_source bad-value:", "so is an alert source");
}

static void wrong_fields(void)
{
	refuses("{'field':7,'op':'is','value':1}",
	    "/field wrong-type:", "a field is a path");
	refuses("{'field':'a..b','op':'is','value':1}",
	    "/field bad-path: column 3:", "and a right one");
	refuses("{'field':'a'}", " missing-key: \"field\" wants an \"op\"",
	    "it wants an operator");
	refuses("{'field':'a','op':1}", "/op wrong-type:", "that is a word");
	refuses("{'field':'a','op':'start_with','value':'x'}",
	    "/op unknown-operator: unknown operator \"start_with\" (did you "
	    "mean \"starts_with\"?)",
	    "and one that there is");
	refuses("{'field':'a','op':'is'}", " missing-key: \"is\" wants",
	    "it wants a value");
	refuses("{'field':'a','op':'is','value':[1]}",
	    "/value bad-value:", "is wants a scalar");
	refuses("{'field':'a','op':'in','value':'x'}",
	    "/value bad-value:", "in wants a list");
	refuses("{'field':'a','op':'in','value':[]}",
	    "/value bad-value:", "that is not empty");
	refuses("{'field':'a','op':'not_in','value':[1,{}]}",
	    "/value bad-value:", "of scalars");
	refuses("{'field':'a','op':'starts_with','value':1}",
	    "/value bad-value:", "starts_with wants a string");
	refuses("{'field':'a','op':'gt','value':true}",
	    "/value bad-value:", "gt wants a number or a string");
	refuses("{'field':'a','op':'exists','value':1}",
	    "/value bad-value:", "exists wants true or false");
	refuses("{'field':'a','op':'contains','value':{}}",
	    "/value bad-value:", "contains wants a scalar");
}

static void wrong_patterns(void)
{
	char text[2 * PATTERN_TEXT_MAX] =
	    "{'field':'a','op':'matches','value':'";
	size_t used = strlen(text);

	refuses("{'field':'a','op':'matches','value':'('}",
	    "/value bad-pattern:", "a pattern is a regular expression");
	refuses("{'field':'a','op':'matches','value':'(a)\\\\1'}",
	    "back-reference", "without back-references");
	refuses("{'field':'a','op':'matches','value':'a\\u0000'}",
	    "/value bad-pattern:", "without NUL");
	refuses("{'field':'a','op':'matches','value':"
		"'((a{255}){255}){255}'}",
	    "written out", "and without bombs");
	refuses("{'field':'a','op':'not_matches','value':'a{30}{30}'}",
	    "written out", "of any kind");
	refuses("{'field':'a','op':'matches','value':'a{99999999999999}'}",
	    "bad-pattern", "or size");
	memset(text + used, 'x', PATTERN_TEXT_MAX + 1);
	memcpy(text + used + PATTERN_TEXT_MAX + 1, "'}", 3);
	refuses(text, "longer than 1024", "it is bounded");
	ok(!passes("{'field':'a','op':'matches','value':'[\\\\1(]{3}[[:digit:]]"
		   "[]x]'}"),
	    "what looks like a back-reference in brackets is none");
}

static void every_fault(void)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	struct filter *filter = compile(
	    "{'any':[{'serivce':['a']},{'field':'a','op':'contain','value':1},"
	    "{'not':{'field':'b..','op':'gt','value':null}}]}",
	    &faults);

	ok(!filter, "a filter with four mistakes is refused");
	is_str(buf_text(&faults),
	    "/any/0/serivce unknown-key: unknown key \"serivce\" (did you "
	    "mean \"service\"?)\n"
	    "/any/1/op unknown-operator: unknown operator \"contain\" (did "
	    "you mean \"contains\"?)\n"
	    "/any/2/not/field bad-path: column 3: a key is expected here; "
	    "write an odd one as [\"odd key\"]\n"
	    "/any/2/not/value bad-value: \"gt\" wants a number or a string\n",
	    "and each of them is told, in the order of the file");
}

static char *nested(int depth)
{
	struct buf out = BUF_INIT(TEXT_MAX);
	int i;

	for (i = 1; i < depth; i++)
		buf_puts(&out, "{'not':");
	buf_puts(&out, "{'service':'s1'}");
	for (i = 1; i < depth; i++)
		buf_putc(&out, '}');
	return buf_steal(&out);
}

static void depth(void)
{
	auto_free char *deepest = nested(FILTER_DEPTH_MAX);
	auto_free char *deeper = nested(FILTER_DEPTH_MAX + 1);

	ok(!passes(deepest), "filters may be nested to their bound");
	refuses(deeper, "too-deep:", "and no deeper");
}

static void equality(void)
{
	static const struct condition cases[] = {
		{ "id", "is", "'61c0'", true },
		{ "id", "is", "'61C0'", false },
		{ "id", "is", "'61c'", false },
		{ "event_count", "is", "5", true },
		{ "event_count", "is", "5.0", true },
		{ "event_count", "is", "'5'", false },
		{ "whole", "is", "1", true },
		{ "ratio", "is", "0", false },
		{ "big", "is", "9007199254740993", true },
		{ "big", "is", "9007199254740992", false },
		{ "big", "is", "9007199254740992.0", false },
		{ "yes", "is", "true", true },
		{ "yes", "is", "1", false },
		{ "no", "is", "true", false },
		{ "nothing", "is", "null", true },
		{ "nothing", "is", "false", false },
		{ "tags", "is", "'critical'", false },
		{ "missing", "is", "null", false },
		{ "id", "is_not", "'x'", true },
		{ "id", "is_not", "'61c0'", false },
		{ "missing", "is_not", "'x'", true },
		{ "missing", "is_not", "null", true },
		{ "event_count", "is_not", "'5'", true },
		{ "event_count", "in", "[4,5]", true },
		{ "event_count", "in", "['5',4]", false },
		{ "nothing", "in", "[1,null]", true },
		{ "missing", "in", "[null]", false },
		{ "event_count", "not_in", "[4,5]", false },
		{ "event_count", "not_in", "[4]", true },
		{ "missing", "not_in", "[1]", true },
		{ NULL, NULL, NULL, false },
	};

	check(cases);
}

static void parts(void)
{
	static const struct condition cases[] = {
		{ "message", "contains", "'Throttling'", true },
		{ "message", "contains", "'throttling'", false },
		{ "message", "contains", "''", true },
		{ "message", "contains", "9", false },
		{ "event_count", "contains", "5", false },
		{ "labels", "contains", "'db'", true },
		{ "labels", "contains", "7", true },
		{ "labels", "contains", "'7'", false },
		{ "labels", "contains", "'d'", false },
		{ "none", "contains", "'x'", false },
		{ "tags", "contains", "'severity'", true },
		{ "tags", "contains", "'value'", false },
		{ "missing", "contains", "'x'", false },
		{ "message", "not_contains", "'disk'", true },
		{ "message", "not_contains", "'CPU'", false },
		{ "labels", "not_contains", "'us'", true },
		{ "event_count", "not_contains", "5", true },
		{ "missing", "not_contains", "'x'", true },
		{ "message", "starts_with", "'CPU '", true },
		{ "message", "starts_with", "'PU'", false },
		{ "empty", "starts_with", "'x'", false },
		{ "labels", "starts_with", "'db'", false },
		{ "missing", "starts_with", "''", false },
		{ "message", "ends_with", "'used'", true },
		{ "message", "ends_with", "'use'", false },
		{ "empty", "ends_with", "'x'", false },
		{ NULL, NULL, NULL, false },
	};

	check(cases);
}

static void patterns(void)
{
	static const struct condition cases[] = {
		{ "message", "matches", "'^CPU .*[0-9]+%'", true },
		{ "message", "matches", "'Throttling'", true },
		{ "message", "matches", "'^Throttling'", false },
		{ "message", "matches", "'used$'", true },
		{ "message", "matches", "'(disk|CPU) '", true },
		{ "event_count", "matches", "'5'", false },
		{ "empty", "matches", "'^$'", true },
		{ "missing", "matches", "''", false },
		{ "message", "not_matches", "'disk'", true },
		{ "message", "not_matches", "'CPU'", false },
		{ "event_count", "not_matches", "'5'", true },
		{ "missing", "not_matches", "'x'", true },
		{ NULL, NULL, NULL, false },
	};

	check(cases);
}

static void ordering(void)
{
	static const struct condition cases[] = {
		{ "event_count", "gt", "4", true },
		{ "event_count", "gt", "5", false },
		{ "event_count", "gt", "4.5", true },
		{ "event_count", "gte", "5", true },
		{ "event_count", "gte", "5.5", false },
		{ "event_count", "lt", "6", true },
		{ "event_count", "lt", "5", false },
		{ "event_count", "lte", "5.0", true },
		{ "event_count", "gt", "'4'", false },
		{ "ratio", "lt", "1", true },
		{ "ratio", "gt", "0", true },
		{ "big", "gt", "9007199254740992", true },
		{ "big", "gt", "9007199254740992.0", true },
		{ "big", "lt", "1e300", true },
		{ "big", "gt", "-1e300", true },
		{ "created_at", "gte", "'2021-12-20'", true },
		{ "created_at", "lt", "'2021-12-21'", true },
		{ "created_at", "gt", "2021", false },
		{ "empty", "lte", "''", true },
		{ "yes", "gte", "1", false },
		{ "nothing", "lte", "1", false },
		{ "missing", "lt", "1", false },
		{ "missing", "gte", "''", false },
		{ NULL, NULL, NULL, false },
	};

	check(cases);
}

static void presence(void)
{
	static const struct condition cases[] = {
		{ "id", "exists", "", true },
		{ "id", "exists", "true", true },
		{ "id", "exists", "false", false },
		{ "nothing", "exists", "", true },
		{ "missing", "exists", "", false },
		{ "missing", "exists", "false", true },
		{ "tags.severity", "exists", "", true },
		{ "none[*]", "exists", "", false },
		{ NULL, NULL, NULL, false },
	};

	check(cases);
}

static void any_element(void)
{
	static const struct condition cases[] = {
		{ "timeline[*].action", "is", "'acknowledged'", true },
		{ "timeline[*].action", "is", "'resolved'", false },
		{ "timeline[*].action", "is_not", "'acknowledged'", false },
		{ "timeline[*].action", "is_not", "'resolved'", true },
		{ "timeline[*].action", "not_in", "['x','triggered']", false },
		{ "timeline[-1].action", "is", "'acknowledged'", true },
		{ "labels[*]", "gt", "6", true },
		{ "labels[*]", "matches", "'^e'", true },
		{ "labels[*]", "not_matches", "'^e'", false },
		{ "none[*].x", "is_not", "1", true },
		{ NULL, NULL, NULL, false },
	};

	check(cases);
}

static void groups(void)
{
	ok(passes("{'service':['x','email-trigger']}"), "a service by slug");
	ok(passes("{'service':'s1'}"), "by id, and without an array");
	ok(passes("{'service':['email trigger']}"), "by name");
	ok(!passes("{'service':['email']}"), "and not by half of it");
	ok(passes("{'alert_source':['squadcastui']}"), "a source by its name");
	ok(passes("{'alert_source':['Squadcast UI']}"), "by type");
	ok(!passes("{'alert_source':['email trigger']}"),
	    "and not by another thing's name");
	ok(!passes("{'all':[{'service':'s1'},{'service':'s2'}]}"),
	    "all wants each");
	ok(passes("{'any':[{'service':'s2'},{'service':'s1'}]}"),
	    "any wants one");
	ok(!passes("{'any':[{'service':'s2'},{'service':'s3'}]}"),
	    "but at least that");
	ok(passes("{'not':{'service':'s2'}}"), "not turns it round");
	ok(passes("{'all':[{'service':['checkout','email-trigger']},"
		  "{'any':[{'alert_source':['nagios']},{'field':"
		  "'tags.severity.value','op':'is','value':'critical'}]}]}"),
	    "expressions and groups of them combine");
	ok(filter_passes(NULL, NULL), "no filter passes everything");
}

static void bare_names(void)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	struct filter *filter = compile("{'service':'checkout'}", &faults);
	json_auto_t *bare = json("{'service':'checkout'}");
	json_auto_t *odd = json("{'service':['checkout']}");
	json_auto_t *none = json("{}");

	ok(filter_passes(filter, bare), "a service that is a string is named");
	ok(!filter_passes(filter, odd), "one that is an array is not");
	ok(!filter_passes(filter, none), "nor is none");
	filter_free(filter);
}

static bool looks_deeper(const char *text)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	struct filter *filter = compile(text, &faults);
	bool deeper = filter_looks_deeper(filter);

	ok(filter != NULL, "%s is a filter", text);
	filter_free(filter);
	return deeper;
}

static void looking(void)
{
	ok(!filter_looks_deeper(NULL), "no filter looks at nothing");
	ok(!looks_deeper("{'service':['a','b']}") &&
		!looks_deeper("{'alert_source':'a'}") &&
		!looks_deeper("{'any':[{'service':'a'},{'not':{'all':["
			      "{'alert_source':'b'},{'service':'c'}]}}]}"),
	    "services and alert sources, in any groups, are all it looks at");
	ok(looks_deeper("{'field':'status','op':'is','value':'x'}"),
	    "a field is more than that");
	ok(looks_deeper("{'field':'tags.x','op':'exists'}"),
	    "even if only asked to be there");
	ok(looks_deeper("{'any':[{'service':'a'},{'not':{'all':["
			"{'alert_source':'b'},{'field':'x','op':'is_not',"
			"'value':'y'}]}}]}"),
	    "and is found at the end of groups in groups");
}

/* A long text for one pattern; the clock of the processor is the witness. */
static void work_is_bounded(void)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	auto_free char *text = mem_alloc(PATTERN_SUBJECT_MAX + 3);
	json_auto_t *event = NULL;
	struct filter *end =
	    compile("{'field':'m','op':'matches','value':'x$'}", &faults);
	struct filter *start =
	    compile("{'field':'m','op':'matches','value':'^x'}", &faults);
	struct filter *tail =
	    compile("{'field':'m','op':'matches','value':'y'}", &faults);

	memset(text, 'x', PATTERN_SUBJECT_MAX + 2);
	text[PATTERN_SUBJECT_MAX + 1] = 'y';
	text[PATTERN_SUBJECT_MAX + 2] = '\0';
	event = json_pack("{s:s}", "m", text);
	ok(filter_passes(start, event), "a long text is looked at");
	ok(!filter_passes(tail, event), "up to a bound");
	ok(!filter_passes(end, event), "which is not taken for its end");
	filter_free(start);
	filter_free(end);
	filter_free(tail);
}

static void long_lists_are_bounded(void)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	auto_free char *text = mem_alloc(PATTERN_SUBJECT_MAX + 1);
	json_auto_t *list = json_array();
	json_auto_t *event = NULL;
	struct filter *filter =
	    compile("{'field':'l[*]','op':'matches','value':'y'}", &faults);
	int i;

	memset(text, 'x', PATTERN_SUBJECT_MAX);
	text[PATTERN_SUBJECT_MAX] = '\0';
	for (i = 0; i < 15; i++)
		json_array_append_new(list, json_string(text));
	json_array_append_new(list, json_string("y"));
	event = json_pack("{s:O}", "l", list);
	ok(filter_passes(filter, event),
	    "the elements of a list are looked at");
	for (i = 0; i < 16; i++)
		json_array_insert_new(list, 0, json_string(text));
	ok(!filter_passes(filter, event), "until they are too much together");
	filter_free(filter);
}

static void prints(const char *text, const char *wanted, const char *name)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	auto_buf struct buf out = BUF_INIT(TEXT_MAX);
	struct filter *filter = compile(text, &faults);

	filter_print(filter, &out);
	is_str(buf_text(&out), wanted, name);
	filter_free(filter);
}

static void printing(void)
{
	auto_buf struct buf out = BUF_INIT(TEXT_MAX);

	filter_print(NULL, &out);
	is_str(buf_text(&out), "everything", "no filter prints as a word");
	prints("{'all':[{'service':['checkout','email trigger']},"
	       "{'any':[{'alert_source':'nagios'},{'not':{'field':"
	       "'tags.severity.value','op':'is','value':'critical'}}]}]}",
	    "all(service in [checkout, \"email trigger\"], any(alert_source "
	    "in [nagios], not(tags.severity.value is critical)))",
	    "a filter prints on one line");
	prints("{'field':'a','op':'in','value':['5',5,1.5,true,'true',null]}",
	    "a in [\"5\", 5, 1.5, true, \"true\", null]",
	    "types can be told apart");
	prints("{'field':'a','op':'exists'}", "a exists", "exists reads well");
	prints("{'field':'a','op':'exists','value':false}", "a does not exist",
	    "so does its opposite");
	prints("{'field':'a','op':'is','value':'\\u001b[2J\xe2\x80\xae'}",
	    "a is \"\\u001b[2J\\xe2\\x80\\xae\"",
	    "nothing in it reaches into the terminal");
}

static void keeps_nothing(void)
{
	auto_buf struct buf faults = BUF_INIT(TEXT_MAX);
	struct filter_faults sink = { &faults, note };
	json_t *value = json("{'field':'id','op':'in','value':['61c0']}");
	struct filter *filter = filter_compile(value, &sink);
	json_auto_t *event = json(view);

	json_array_clear(json_object_get(value, "value"));
	json_decref(value);
	ok(filter_passes(filter, event), "a filter keeps none of its JSON");
	filter_free(filter);
	filter_free(NULL);
}

int main(void)
{
	wrong_shapes();
	wrong_names();
	wrong_fields();
	wrong_patterns();
	every_fault();
	depth();
	equality();
	parts();
	patterns();
	ordering();
	presence();
	any_element();
	groups();
	bare_names();
	looking();
	work_is_bounded();
	long_lists_are_bounded();
	printing();
	keeps_nothing();
	return done();
}
