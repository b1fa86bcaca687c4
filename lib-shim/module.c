/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * module.c - what syslog-ng loads: module_info and the init function.
 *
 * `failover` is a keyword of afsocket's own parser, found before any plugin is
 * asked.  So in a configuration that says `@module failover` that parser runs
 * with a keyword table that lacks it; the word then reaches the plugin below
 * through the rule that all destinations share.  A configuration without
 * `@module failover`, also one that is reloaded later, sees nothing of this.
 */
#include "control.h"
#include "dest.h"
#include "failover-parser.h"

#include "messages.h"
#include "plugin-types.h"

#include <gmodule.h>
#include <string.h>

static Plugin failover_plugin =
{
  .type = LL_CONTEXT_INNER_DEST,
  .name = FAILOVER_DEST_NAME,
  .parser = &failover_parser,
};

static CfgParser *afsocket_parser;
static gint (*afsocket_parse)(CfgLexer *lexer, gpointer *instance, gpointer arg);
static CfgLexerKeyword *keywords_without_failover;

static CfgLexerKeyword *
_copy_without(const CfgLexerKeyword *keywords, const gchar *name)
{
  gsize count = 0;
  while (keywords[count].kw_name)
    count++;

  CfgLexerKeyword *copy = g_new0(CfgLexerKeyword, count + 1);
  for (gsize from = 0, to = 0; from < count; from++)
    if (strcmp(keywords[from].kw_name, name) != 0)
      copy[to++] = keywords[from];
  return copy;
}

static gboolean
_is_module_loaded_in(GlobalConfig *cfg)
{
  return cfg && plugin_is_plugin_available(&cfg->plugin_context, LL_CONTEXT_INNER_DEST, FAILOVER_DEST_NAME);
}

/* Replaces afsocket_parser.parse: called with afsocket's keywords on top of the
 * lexer's stack of contexts. */
static gint
_parse_driver(CfgLexer *lexer, gpointer *instance, gpointer arg)
{
  if (!_is_module_loaded_in(lexer->cfg))
    return afsocket_parse(lexer, instance, arg);

  cfg_lexer_pop_context(lexer);
  cfg_lexer_push_context(lexer, afsocket_parser->context, keywords_without_failover, afsocket_parser->name);
  gint result = afsocket_parse(lexer, instance, arg);
  if (result != 0)
    return result;
  cfg_lexer_pop_context(lexer);
  cfg_lexer_push_context(lexer, afsocket_parser->context, afsocket_parser->keywords, afsocket_parser->name);

  const CFG_LTYPE *location = NULL;
  const gchar *error = failover_dest_check_parsed((LogDriver *) *instance, &location);
  if (!error)
    return 0;
  report_syntax_error(lexer, location, "within destination", error, FALSE);
  return 1;
}

static void
_hook_parser(CfgParser *parser)
{
  if (afsocket_parser)
    return;
  afsocket_parser = parser;
  keywords_without_failover = _copy_without(parser->keywords, "failover");
  afsocket_parse = parser->parse;
  parser->parse = _parse_driver;
}

G_MODULE_EXPORT gboolean failover_module_init(PluginContext *context, CfgArgs *args);

/* Called once for every configuration that is read. */
gboolean
failover_module_init(PluginContext *context, CfgArgs *args G_GNUC_UNUSED)
{
  CfgParser *parser = host_prepare(context);
  if (!parser)
    return FALSE;
  _hook_parser(parser);
  failover_control_register();
  plugin_register(context, &failover_plugin, 1);
  return TRUE;
}

/* No plugins in here: syslog-ng would load the module for configurations that
 * do not ask for it, as soon as one of them says failover(). */
G_MODULE_EXPORT const ModuleInfo module_info =
{
  .canonical_name = "failover",
  .version = FAILOVER_VERSION,
  .description = "The failover module replaces failover() of network() and syslog() destinations: what the "
                 "server that failed has not confirmed is sent again to the next one.",
  .core_revision = SYSLOG_NG_SOURCE_REVISION,
  .plugins = NULL,
  .plugins_len = 0,
};
