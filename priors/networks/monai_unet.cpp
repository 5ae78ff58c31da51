#include "priors/networks/monai_unet.h"

#include <array>
#include <string_view>
#include <utility>

namespace recon {

/// Asks for the parameters of diffusers by their names in MONAI.
class MonaiUNet::Renamed final : public ParameterSource {
 public:
  Renamed(ParameterSource& source, MonaiLayout layout) : source_(source), layout_(layout) {}

  at::Tensor get(const std::string& name, const Shape& shape) override { return source_.get(theirs(name), shape); }

 private:
  using Names = std::pair<std::string_view, std::string_view>;

  std::string theirs(std::string name) const {
    static constexpr std::array<Names, 15> kNames{{{"conv_in.", "conv_in.conv."},
                                                   {"time_embedding.linear_1.", "time_embed.0."},
                                                   {"time_embedding.linear_2.", "time_embed.2."},
                                                   {"mid_block.resnets.0.", "middle_block.resnet_1."},
                                                   {"mid_block.resnets.1.", "middle_block.resnet_2."},
                                                   {"mid_block.attentions.0.", "middle_block.attention."},
                                                   {"downsamplers.0.conv.", "downsampler.op.conv."},
                                                   {"downsamplers.0.", "downsampler."},
                                                   {"upsamplers.0.", "upsampler."},
                                                   {"conv1.", "conv1.conv."},
                                                   {"conv2.", "conv2.conv."},
                                                   {"conv_shortcut.", "skip_connection.conv."},
                                                   {"group_norm.", "norm."},
                                                   {"conv_norm_out.", "out.0."},
                                                   {"conv_out.", "out.2.conv."}}};
    static constexpr std::array<Names, 5> kMonai{{{"upsampler.conv.", "upsampler.postconv.conv."},
                                                  {"to_q.", "attn.to_q."},
                                                  {"to_k.", "attn.to_k."},
                                                  {"to_v.", "attn.to_v."},
                                                  {"to_out.0.", "attn.out_proj."}}};
    static constexpr std::array<Names, 2> kGenerative{
        {{"upsampler.conv.", "upsampler.conv.conv."}, {"to_out.0.", "proj_attn."}}};
    const auto rename = [&](const auto& names) {
      for (const auto& [ours, other] : names) {
        if (const auto at = name.find(ours); at != std::string::npos) {
          name.replace(at, ours.size(), other);
        }
      }
    };
    rename(kNames);
    layout_ == MonaiLayout::monai ? rename(kMonai) : rename(kGenerative);
    return name;
  }

  ParameterSource& source_;
  MonaiLayout layout_;
};

MonaiUNet::MonaiUNet(const MonaiConfig& config, ParameterSource& source)
    : MonaiUNet(config, Renamed(source, config.layout)) {}

MonaiUNet::MonaiUNet(const MonaiConfig& config, Renamed&& source) : UNet2D(config.as_unet2d(), source) {}

}  // namespace recon
