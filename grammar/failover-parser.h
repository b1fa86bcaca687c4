/* SPDX-License-Identifier: GPL-2.0-or-later
 * with the OpenSSL exception, see LICENSE.
 *
 * failover-parser.h - the parser of failover( ... ).
 */
#ifndef FAILOVER_PARSER_H_INCLUDED
#define FAILOVER_PARSER_H_INCLUDED

#include "cfg-lexer.h"
#include "cfg-parser.h"
#include "driver.h"

extern CfgParser failover_parser;

CFG_PARSER_DECLARE_LEXER_BINDING(failover_, FAILOVER_, LogDriverPlugin **)

#endif
