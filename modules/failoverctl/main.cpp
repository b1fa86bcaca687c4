// SPDX-License-Identifier: GPL-2.0-or-later
// with the OpenSSL exception, see LICENSE.
//
// failoverctl - asks the module in a running syslog-ng which server is in use, and tells it
// which one is to be used.  The module knows all words; this passes them on.
#include "arguments.hpp"
#include "control_socket.hpp"

#include <cstdio>
#include <exception>

#include <unistd.h>

using namespace failoverctl;

namespace {

// False: it could not be written.
bool
say(const Reply &reply)
{
  if (reply.exit_code == cannot_tell && reply.text.empty())
    std::fprintf(stderr, "failoverctl: %s\n", reply.summary.c_str());
  else if (!reply.summary.empty())
    std::printf("%s\n", reply.summary.c_str());
  std::fputs(reply.text.c_str(), stdout);
  return std::fflush(stdout) == 0;
}

// Until it is interrupted.  syslog-ng may be restarted meanwhile.
int
watch(const Arguments &arguments)
{
  const bool is_terminal = isatty(STDOUT_FILENO);
  for (;;)
    {
      const Reply reply = ask(arguments.control_socket, arguments.line);
      if (is_terminal)
        std::fputs("\033[H\033[2J", stdout); // to the top of an empty screen
      if (!say(reply))
        return cannot_tell;
      if (!is_terminal)
        std::puts("");
      sleep(1);
    }
}

int
run(int argc, char *argv[])
{
  const Arguments arguments = parse_arguments(argc, argv);
  if (!arguments.to_say.empty())
    return std::fputs(arguments.to_say.c_str(), stdout) < 0 ? cannot_tell : 0;
  if (!arguments.mistake.empty())
    {
      std::fprintf(stderr, "failoverctl: %s; see failoverctl --help\n", arguments.mistake.c_str());
      return cannot_tell;
    }
  if (arguments.watch)
    return watch(arguments);
  const Reply reply = ask(arguments.control_socket, arguments.line);
  return say(reply) ? reply.exit_code : cannot_tell;
}

} // namespace

int
main(int argc, char *argv[])
{
  try
    {
      return run(argc, argv);
    }
  catch (const std::exception &e)
    {
      std::fprintf(stderr, "failoverctl: %s\n", e.what());
      return cannot_tell;
    }
}
