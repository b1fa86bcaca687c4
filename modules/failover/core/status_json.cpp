// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
#include "status_text.hpp"

#include "reason.hpp"

#include <cassert>
#include <cstdio>

namespace failover {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd"; // for what is no UTF-8

// How many bytes of a well-formed character stand at the front (RFC 3629); 0: none does.
std::size_t
utf8_length(std::string_view text)
{
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  const auto between = [](unsigned value, unsigned least, unsigned most) {
    return value >= least && value <= most;
  };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80)
    return 1;
  if (between(first, 0xc2, 0xdf))
    return between(second, 0x80, 0xbf) ? 2 : 0;
  if (between(first, 0xe0, 0xef))
    {
      const unsigned least = first == 0xe0 ? 0xa0 : 0x80, most = first == 0xed ? 0x9f : 0xbf;
      return between(second, least, most) && between(byte(2), 0x80, 0xbf) ? 3 : 0;
    }
  if (between(first, 0xf0, 0xf4))
    {
      const unsigned least = first == 0xf0 ? 0x90 : 0x80, most = first == 0xf4 ? 0x8f : 0xbf;
      return between(second, least, most) && between(byte(2), 0x80, 0xbf) && between(byte(3), 0x80, 0xbf) ? 4
                                                                                                          : 0;
    }
  return 0;
}

// Writes values one after the other; knows where a comma belongs.
class Json
{
public:
  void open(char bracket)
  {
    comma();
    text_ += bracket;
    is_first_ = true;
  }
  void close(char bracket)
  {
    text_ += bracket;
    is_first_ = false;
  }
  void key(std::string_view name)
  {
    string(name);
    text_ += ':';
    is_first_ = true;
  }
  void string(std::string_view value)
  {
    comma();
    text_ += '"';
    while (!value.empty())
      value.remove_prefix(character(value));
    text_ += '"';
  }
  void raw(std::string_view value)
  {
    comma();
    text_ += value;
  }
  void number(int64_t value) { raw(std::to_string(value)); }
  void boolean(bool value) { raw(value ? "true" : "false"); }
  void null() { raw("null"); }
  // Milliseconds as seconds.
  void seconds(int64_t ms)
  {
    char text[32];
    std::snprintf(text, sizeof(text), "%lld.%03lld", static_cast<long long>(ms / 1000),
                  static_cast<long long>(ms % 1000));
    raw(text);
  }
  std::string take() { return std::move(text_); }

private:
  void comma()
  {
    if (!is_first_)
      text_ += ',';
    is_first_ = false;
  }
  std::size_t character(std::string_view text)
  {
    const auto c = static_cast<unsigned char>(text.front());
    if (c < ' ' || c == 0x7f)
      {
        char escape[8];
        std::snprintf(escape, sizeof(escape), "\\u%04x", c);
        text_ += escape;
        return 1;
      }
    if (c == '"' || c == '\\')
      text_ += '\\';
    const std::size_t length = utf8_length(text);
    text_ += length ? text.substr(0, length) : replacement;
    return length ? length : 1;
  }

  std::string text_;
  bool is_first_ = true;
};

// The object, with the counts that are not 0.
template <typename Get>
void
by_reason(Json &json, Get get)
{
  json.open('{');
  for (int i = 0; i < FAILOVER_REASON_COUNT; i++)
    {
      const auto reason = static_cast<failover_reason>(i);
      if (get(reason) == 0)
        continue;
      json.key(reason_code(reason));
      json.number(get(reason));
    }
  json.close('}');
}

class Writer
{
public:
  explicit Writer(const StatusView &view) : view_(view) {}

  std::string write()
  {
    json_.open('{');
    json_.key("destination");
    json_.string(view_.id);
    in_use();
    switches();
    next();
    stream();
    json_.key("servers");
    json_.open('[');
    for (std::size_t i = 0; i < view_.status.servers().size(); i++)
      server(i);
    json_.close(']');
    json_.close('}');
    return json_.take();
  }

private:
  void wall(int64_t ms) { json_.seconds(ms + view_.wall_offset_ms); }
  void name(std::size_t server) { json_.string(view_.status.server(server).name); }
  void count(const char *key, uint64_t value)
  {
    json_.key(key);
    json_.number(static_cast<int64_t>(value));
  }

  void in_use()
  {
    json_.key("in_use");
    const auto &in_use = view_.status.in_use();
    if (!in_use)
      {
        json_.null();
        return;
      }
    json_.open('{');
    json_.key("server");
    name(in_use->server);
    count("position", in_use->server);
    json_.key("since_s");
    wall(in_use->since_ms);
    json_.key("reason");
    json_.string(reason_code(in_use->why));
    json_.close('}');
  }

  void switches()
  {
    json_.key("switches");
    by_reason(json_, [&](failover_reason reason) { return view_.status.switches(reason); });
    json_.key("last_switch_s");
    if (view_.status.last_switch_ms())
      wall(*view_.status.last_switch_ms());
    else
      json_.null();
  }

  void next()
  {
    const NextStep &next = view_.next;
    json_.key("next");
    if (next.what == NextStep::What::nothing)
      {
        json_.null();
        return;
      }
    json_.open('{');
    json_.key("step");
    json_.string(next.what == NextStep::What::probe ? "probe" : "connect");
    json_.key("server");
    name(next.server);
    json_.key("due_s");
    if (next.what == NextStep::What::attempt)
      json_.null(); // it is under way
    else
      wall(next.due_ms);
    if (next.what == NextStep::What::probe)
      {
        count("successes", next.successes);
        count("required", next.required);
      }
    json_.close('}');
  }

  void stream()
  {
    const StreamNumbers &stream = view_.stream;
    count("unconfirmed_messages", stream.messages);
    count("unconfirmed_bytes", stream.bytes);
    json_.key("unconfirmed_oldest_ms");
    if (stream.oldest_ms)
      json_.number(std::max<int64_t>(view_.now_ms - *stream.oldest_ms, 0));
    else
      json_.null();
    count("resend_buffer_bytes", view_.status.buffer_size());
    count("resent_messages", stream.resent);
    count("grace_cut_messages", stream.grace_cut);
    count("lost_messages", stream.lost);
  }

  void server(std::size_t position)
  {
    const ServerFacts &server = view_.status.server(position);
    const auto &in_use = view_.status.in_use();
    const bool is_in_use = in_use && in_use->server == position;

    json_.open('{');
    json_.key("name");
    json_.string(server.name);
    json_.key("role");
    json_.string(position == Roster::primary ? "primary" : "standby");
    json_.key("state");
    json_.string(is_in_use ? "in use" : health_code(server.health));
    json_.key("since_s");
    if (is_in_use)
      wall(in_use->since_ms);
    else if (server.health != Health::unknown)
      wall(server.health_since_ms);
    else
      json_.null();
    json_.key("admin");
    json_.string(admin_code(server.admin));
    json_.key("address");
    if (server.address.empty())
      json_.null();
    else
      json_.string(server.address);
    last_failure(server);
    last_check(server);
    json_.key("certificate_end_s");
    if (server.certificate_end_s)
      json_.number(*server.certificate_end_s);
    else
      json_.null();
    json_.key("failures");
    by_reason(json_, [&](failover_reason reason) { return server.failures[reason].get(); });
    count("unconfirmed_messages", view_.unconfirmed[position]);
    json_.close('}');
  }

  void last_failure(const ServerFacts &server)
  {
    json_.key("last_failure");
    if (!server.last_failure)
      {
        json_.null();
        return;
      }
    json_.open('{');
    json_.key("reason");
    json_.string(reason_code(server.last_failure->reason));
    json_.key("detail");
    json_.string(server.last_failure->detail);
    json_.key("at_s");
    wall(server.last_failure->at_ms);
    json_.close('}');
  }

  void last_check(const ServerFacts &server)
  {
    json_.key("last_check");
    if (!server.last_check)
      {
        json_.null();
        return;
      }
    json_.open('{');
    json_.key("succeeded");
    json_.boolean(server.last_check->succeeded);
    json_.key("at_s");
    wall(server.last_check->at_ms);
    json_.key("took_ms");
    json_.number(server.last_check->took_ms);
    json_.close('}');
  }

  const StatusView &view_;
  Json json_;
};

} // namespace

std::string
status_json(const StatusView &view)
{
  assert(view.unconfirmed.size() == view.status.servers().size());
  return Writer(view).write();
}

} // namespace failover
