#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace recon {

/// Columns of the terminal behind a file descriptor; 0 when it is none.
int terminal_columns(int descriptor);

/// What a status line says.
struct StatusText {
  std::string label;               ///< "item 3: dps 8/50"
  double share = 0;                ///< of the bar, 0 to 1
  std::vector<std::string> facts;  ///< the most wanted first
};

/// "label [====      ]  fact  fact" in at most `columns` characters: what does not fit is left out, the bar first, then
/// the last facts; a label that is too long alone is cut.
std::string fitted_status(const StatusText& status, int columns);

/// One line on stderr that says how far things are. On a terminal it is drawn again in its place, at most ten times a
/// second and never wider than the terminal. Elsewhere it is a plain line once a minute, and at the end of each piece
/// of work. Silent when told so.
class StatusLine {
 public:
  explicit StatusLine(bool silent);
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool is_due(bool last) const;  ///< whether show() would draw: for those to whom composing the text costs
  void show(const StatusText& status);
  void start();  ///< a new piece of work begins: its first plain line comes after the interval
  void end();    ///< the line of the bar is ended
  bool silent() const { return silent_; }

 private:
  using Clock = std::chrono::steady_clock;

  bool silent_, terminal_;
  Clock::time_point shown_ = Clock::now();
  bool open_ = false;  ///< a bar stands on the current line
};

}  // namespace recon
