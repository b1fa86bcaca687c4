// SPDX-License-Identifier: GPL-2.0-or-later
//
// main() of a target without a fuzzer: runs it on the files that are given, or
// on all files of a directory.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

bool
replay(const std::filesystem::path &path)
{
  std::ifstream file(path, std::ios::binary);
  if (!file)
    {
      std::fprintf(stderr, "%s: cannot be read\n", path.c_str());
      return false;
    }
  const std::string input((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // the target ends the process if something does not hold: say first where
  std::fprintf(stderr, "%s\n", path.c_str());
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(input.data()), input.size());
  return true;
}

} // namespace

int
main(int, char **argv)
{
  bool well = true;
  int inputs = 0;
  for (char **argument = argv + 1; *argument; argument++)
    if (!std::filesystem::is_directory(*argument))
      {
        well = replay(*argument) && well;
        inputs++;
      }
    else
      for (const auto &entry : std::filesystem::directory_iterator(*argument))
        {
          well = replay(entry.path()) && well;
          inputs++;
        }
  std::printf("%d inputs replayed\n", inputs);
  return well && inputs > 0 ? 0 : 1;
}
