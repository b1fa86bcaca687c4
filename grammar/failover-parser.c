/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * The keyword table.  The names inside failover() are checked by the engine's
 * option table; here stand only the words that shape the grammar.
 */
#include "failover-parser.h"

#include "failover-grammar.h"

extern int failover_debug;
int failover_parse(CfgLexer *lexer, LogDriverPlugin **instance, gpointer arg);

static CfgLexerKeyword failover_keywords[] =
{
  { .kw_name = "failover", .kw_token = KW_FAILOVER },
  { .kw_name = "servers", .kw_token = KW_SERVERS },
  { .kw_name = "failback", .kw_token = KW_FAILBACK },
  { .kw_name = CFG_KEYWORD_STOP }, /* the keywords of the destination around mean nothing in here */
  { .kw_name = NULL }
};

static void
_cleanup(gpointer instance)
{
  log_driver_plugin_free(instance);
}

CfgParser failover_parser =
{
#if SYSLOG_NG_ENABLE_DEBUG
  .debug_flag = &failover_debug,
#endif
  .name = "failover",
  .keywords = failover_keywords,
  .parse = (gint (*)(CfgLexer *, gpointer *, gpointer)) failover_parse,
  .cleanup = _cleanup,
};

/* the host's macro leaves parameters unused */
#pragma GCC diagnostic ignored "-Wunused-parameter"
CFG_PARSER_IMPLEMENT_LEXER_BINDING(failover_, FAILOVER_, LogDriverPlugin **)
