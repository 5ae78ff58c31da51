#pragma once

namespace recon {

/// The style, the picture viewer and its script, which every page carries inline.
extern const char* const page_style;
extern const char* const page_viewer;
extern const char* const page_script;

}  // namespace recon
