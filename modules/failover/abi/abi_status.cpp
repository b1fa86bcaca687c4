// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// The extern "C" definitions of failover-status.h: arguments are asserted, no exception
// leaves.
#include "failover-status.h"

#include "abi.hpp"
#include "command.hpp"
#include "status_text.hpp"

#include <array>

using namespace failover::abi;

namespace {

struct Answer
{
  failover_answer answer;
  const char *code;
  const char *text;
};

constexpr std::array<Answer, FAILOVER_ANSWER_COUNT> answers = { {
    { FAILOVER_ANSWER_DONE, "done", "done" },
    { FAILOVER_ANSWER_FAILED, "failed", "that server does not work" },
    { FAILOVER_ANSWER_NOT_READY, "not-ready", "that server is drained or in maintenance" },
    { FAILOVER_ANSWER_LAST, "last", "it is the last server that is not in maintenance" },
    { FAILOVER_ANSWER_STAYS, "stays", "no other ready server works: it stays in use until one does" },
    { FAILOVER_ANSWER_REPLACED, "replaced", "a later command replaced this one" },
    { FAILOVER_ANSWER_STOPPED, "stopped", "the configuration was reloaded meanwhile" },
} };

constexpr bool
answers_are_in_order()
{
  for (std::size_t i = 0; i < answers.size(); i++)
    if (answers[i].answer != static_cast<failover_answer>(i))
      return false;
  return true;
}
static_assert(answers_are_in_order(), "the table is indexed by the answer");

// Null: it is stopped.
const failover::Status *
running_status(const failover_destination *destination)
{
  assert(destination);
  return destination->destination.engine() ? &destination->destination.status() : nullptr;
}

const failover::ServerFacts &
facts_of(const failover_destination *destination, uint32_t server)
{
  const failover::Status *status = running_status(destination);
  assert(status && server < status->servers().size());
  return status->server(server);
}

failover_text
to_text(const std::string &text)
{
  return { text.data(), text.size() };
}

} // namespace

extern "C" {

const char *
failover_admin_code(failover_admin admin)
{
  return failover::admin_code(admin);
}

const char *
failover_answer_code(failover_answer answer)
{
  assert(answer < FAILOVER_ANSWER_COUNT);
  return answers[answer].code;
}

const char *
failover_answer_text(failover_answer answer)
{
  assert(answer < FAILOVER_ANSWER_COUNT);
  return answers[answer].text;
}

// ---- steering

failover_status
failover_destination_switch(failover_destination *destination, uint32_t server, uint64_t request)
{
  return tell(destination, [&](failover::Destination &d) { d.switch_to(server, request); });
}

failover_status
failover_destination_set_admin(failover_destination *destination, uint32_t server, failover_admin admin,
                               uint64_t request)
{
  assert(admin < FAILOVER_ADMIN_COUNT);
  return tell(destination, [&](failover::Destination &d) { d.set_admin(server, admin, request); });
}

failover_status
failover_destination_check(failover_destination *destination, uint64_t request)
{
  return tell(destination, [&](failover::Destination &d) { d.check_all(request); });
}

void
failover_destination_watch(failover_destination *destination, const failover_watcher *watcher)
{
  assert_may_be_called(destination);
  assert(!destination->destination.engine());
  assert(watcher && watcher->wall_ms && watcher->counter && watcher->answer);
  destination->destination.watch(*watcher);
}

void
failover_destination_set_certificate_end(failover_destination *destination, uint64_t connection,
                                         int64_t end_s)
{
  const Call call(destination);
  destination->destination.set_certificate_end(connection, end_s);
}

// ---- facts

uint32_t
failover_destination_count_servers(const failover_destination *destination)
{
  const failover::Status *status = running_status(destination);
  return status ? static_cast<uint32_t>(status->servers().size()) : 0;
}

failover_text
failover_destination_get_server_name(const failover_destination *destination, uint32_t server)
{
  return to_text(facts_of(destination, server).name);
}

failover_admin
failover_destination_get_admin(const failover_destination *destination, uint32_t server)
{
  return facts_of(destination, server).admin;
}

uint64_t
failover_destination_get_unconfirmed(const failover_destination *destination, uint32_t server)
{
  return destination->destination.stream().unconfirmed(facts_of(destination, server));
}

bool
failover_destination_get_last_failure(const failover_destination *destination, uint32_t server,
                                      const char **reason, failover_text *detail)
{
  assert(reason && detail);
  const auto &failure = facts_of(destination, server).last_failure;
  if (!failure)
    return false;
  *reason = failover_reason_code(failure->reason);
  *detail = to_text(failure->detail);
  return true;
}

bool
failover_destination_find_server(const failover_destination *destination, failover_text name,
                                 uint32_t *server)
{
  assert(destination && server);
  std::optional<std::size_t> found;
  const failover_status status = guarded([&] {
    found = destination->destination.find_server(view(name.data, name.length));
    return FAILOVER_OK;
  });
  if (status != FAILOVER_OK || !found)
    return false;
  *server = static_cast<uint32_t>(*found);
  return true;
}

failover_health_count
failover_destination_count_health(const failover_destination *destination)
{
  failover_health_count count = {};
  const failover::Status *status = running_status(destination);
  for (std::size_t i = 0; status && i < status->servers().size(); i++)
    {
      const failover::ServerFacts &server = status->server(i);
      if ((status->in_use() && status->in_use()->server == i) || server.admin == FAILOVER_ADMIN_MAINT)
        continue;
      count.up += server.health == failover::Health::up;
      count.down += server.health == failover::Health::down;
      count.unknown += server.health == failover::Health::unknown;
    }
  return count;
}

failover_status
failover_destination_write_status(const failover_destination *destination, failover_text id,
                                  int64_t wall_offset_ms, failover_format format,
                                  void (*take)(void *user_data, failover_text text), void *user_data)
{
  assert(destination && take);
  std::string text;
  const failover_status status = guarded([&] {
    const failover::StatusView facts =
        destination->destination.view(view(id.data, id.length), wall_offset_ms);
    text = format == FAILOVER_FORMAT_JSON ? failover::status_json(facts) : failover::status_rows(facts);
    return FAILOVER_OK;
  });
  if (status == FAILOVER_OK)
    take(user_data, to_text(text));
  return status;
}

// ---- commands

const char *
failover_command_parse(failover_text line, failover_command *command)
{
  assert(command);
  return failover::parse_command(view(line.data, line.length), *command);
}

} // extern "C"
