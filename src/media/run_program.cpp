#include "media/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/error.h"

extern char** environ;

namespace zoetrope {
namespace {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { reset(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  void reset() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }
  int get() const { return value_; }

 private:
  int value_ = -1;
};

[[noreturn]] void no_room(const std::string& program) {
  throw InputError(std::string("cannot be run: ") + std::strerror(errno), program, "close some programs");
}

struct Pipe {
  Descriptor read, write;
  explicit Pipe(const std::string& program) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) no_room(program);
    read = Descriptor(ends[0]);
    write = Descriptor(ends[1]);
  }
};

// A file without a name that holds the input: unlike with a pipe, a program that doesn't read it blocks
// nobody.
Descriptor input_file(std::string_view input, const std::string& program) {
  Descriptor file(::memfd_create("input", MFD_CLOEXEC));
  if (file.get() < 0) no_room(program);
  for (size_t done = 0; done < input.size();) {
    const ssize_t n = ::write(file.get(), input.data() + done, input.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) no_room(program);
    done += static_cast<size_t>(n);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) no_room(program);
  return file;
}

class SpawnSettings {
 public:
  SpawnSettings(int input, int output, int errors) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_adddup2(&actions_, input, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, errors, 2);
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::sigdelset(&all, SIGKILL);
    ::sigdelset(&all, SIGSTOP);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_,
                               POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// The caller's environment with one locale: other ones change how programs read text.
std::vector<std::string> environment() {
  std::vector<std::string> out = {"LC_ALL=C.UTF-8"};
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text(*entry);
    if (!text.starts_with("LC_") && !text.starts_with("LANG")) out.emplace_back(text);
  }
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

// Reads what is there. False at the end of the stream.
bool drain(int descriptor, std::string& into) {
  char buffer[1 << 16];
  const ssize_t n = ::read(descriptor, buffer, sizeof buffer);
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  into.append(buffer, static_cast<size_t>(n));
  return n > 0;
}

}  // namespace

ProgramResult run_program(const std::vector<std::string>& arguments, std::string_view input,
                          double timeout_seconds, size_t most_output_bytes) {
  using Clock = std::chrono::steady_clock;
  const std::string& program = arguments.at(0);
  ProgramResult result;
  const Descriptor in = input_file(input, program);
  Pipe out(program), err(program);
  const std::vector<std::string> variables = environment();
  const SpawnSettings settings(in.get(), out.write.get(), err.write.get());
  pid_t child = 0;
  const int failure = ::posix_spawnp(&child, program.c_str(), settings.actions(), settings.attributes(),
                                     pointers(arguments).data(), pointers(variables).data());
  if (failure != 0) {
    result.reason = std::strerror(failure);
    return result;
  }
  result.started = true;
  out.write.reset();
  err.write.reset();

  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                           std::chrono::duration<double>(timeout_seconds));
  bool killed = false;
  pollfd streams[2] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}};
  std::string* texts[2] = {&result.output, &result.errors};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    result.timed_out = left <= 0;
    result.flooded = result.output.size() > most_output_bytes;
    if (result.timed_out || result.flooded) {
      ::kill(-child, SIGKILL);
      killed = true;
      break;
    }
    if (::poll(streams, 2, static_cast<int>(std::min<int64_t>(left, 1000))) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; ++i) {
      if (streams[i].fd < 0 || streams[i].revents == 0) continue;
      if (!drain(streams[i].fd, *texts[i])) streams[i].fd = -1;
      if (i == 1 && result.errors.size() > 65536) result.errors.resize(65536);
    }
  }
  // It may have closed its output and live on.
  int status = 0;
  for (pid_t ended = 0; ended != child;) {
    ended = ::waitpid(child, &status, killed ? 0 : WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR)) break;
    if (Clock::now() >= deadline && !killed) {
      ::kill(-child, SIGKILL);
      killed = result.timed_out = true;
    }
    if (ended == 0) ::poll(nullptr, 0, 1);
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

}  // namespace zoetrope
