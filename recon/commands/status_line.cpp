#include "recon/commands/status_line.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "recon/report/text_table.h"

namespace recon {
namespace {

constexpr double redraw_seconds = 0.1, plain_seconds = 60;
constexpr int bar_width = 24;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// The first `columns` characters, the last of them three dots where something is cut.
std::string cut_to(const std::string& text, int columns) {
  if (displayed_width(text) <= columns) return text;
  const int kept = std::max(columns - 3, 0);
  std::size_t end = 0;
  for (int seen = 0; end < text.size(); ++end) {
    if (!continues_character(text[end]) && seen++ == kept) break;
  }
  return text.substr(0, end) + std::string("...").substr(0, static_cast<std::size_t>(std::min(columns, 3)));
}

std::string composed(const StatusText& status, bool with_bar, std::size_t facts) {
  std::string text = status.label;
  if (with_bar) {
    const auto filled = static_cast<std::size_t>(std::clamp(status.share, 0.0, 1.0) * bar_width);
    text += fmt::format(" [{:<{}}]", std::string(filled, '='), bar_width);
  }
  for (std::size_t i = 0; i < facts; ++i) text += "  " + status.facts[i];
  return text;
}

}  // namespace

int terminal_columns(int descriptor) {
  if (isatty(descriptor) != 1) return 0;
  winsize size{};
  constexpr int usual = 80;
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

std::string fitted_status(const StatusText& status, int columns) {
  for (const bool with_bar : {true, false}) {
    const std::string text = composed(status, with_bar, status.facts.size());
    if (displayed_width(text) <= columns) return text;
  }
  for (std::size_t facts = status.facts.size(); facts-- > 0;) {
    const std::string text = composed(status, false, facts);
    if (displayed_width(text) <= columns) return text;
  }
  return cut_to(status.label, columns);
}

StatusLine::StatusLine(bool silent) : silent_(silent), terminal_(isatty(STDERR_FILENO) == 1) {}

StatusLine::~StatusLine() { end(); }

bool StatusLine::is_due(bool last) const {
  if (silent_) return false;
  const double since = std::chrono::duration<double>(Clock::now() - shown_).count();
  return last || since >= (terminal_ ? redraw_seconds : plain_seconds);
}

void StatusLine::show(const StatusText& status) {
  if (silent_) return;
  shown_ = Clock::now();
  if (terminal_) {
    // The last column stays free: some terminals go to the next line when it is written to.
    std::fprintf(stderr, "\r%s\x1b[K", fitted_status(status, terminal_columns(STDERR_FILENO) - 1).c_str());
    open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", composed(status, false, status.facts.size()).c_str());
  }
  std::fflush(stderr);
}

void StatusLine::start() {
  end();
  shown_ = Clock::now();
}

void StatusLine::end() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

}  // namespace recon
