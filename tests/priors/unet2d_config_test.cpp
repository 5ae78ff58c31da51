#include "priors/networks/unet2d_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "recon/core/error.h"
#include "tests/support/faults.h"

namespace recon {
namespace {

const char* const kSmall = R"({"_class_name": "UNet2DModel", "_diffusers_version": "0.42", "sample_size": 16,
    "in_channels": 1, "out_channels": 1, "block_out_channels": [8, 16], "norm_num_groups": 4,
    "down_block_types": ["DownBlock2D", "AttnDownBlock2D"], "up_block_types": ["AttnUpBlock2D", "UpBlock2D"]})";

UNet2DConfig with(const std::string& changes) {
  nlohmann::json config = nlohmann::json::parse(kSmall);
  config.update(nlohmann::json::parse(changes));
  return parse_unet2d_config(config, "unet/config.json");
}

TEST(UNet2DConfig, HasTheDefaultsOfDiffusers) {
  const UNet2DConfig config = with("{}");
  EXPECT_EQ(config.attention_head_dim, 8);
  EXPECT_EQ(config.downsample_padding, 1);
  EXPECT_EQ(config.freq_shift, 0);
  EXPECT_TRUE(config.flip_sin_to_cos);
  EXPECT_TRUE(config.mid_block && config.mid_attention);
  EXPECT_EQ(config.layers_per_block, 2);
  EXPECT_EQ(config.norm_eps, 1e-5);
  EXPECT_EQ(config.size_multiple(), 2);
  EXPECT_EQ(config.sample_size, (std::vector<std::int64_t>{16, 16}));
  EXPECT_FALSE(config.down[0].attention);
  EXPECT_TRUE(config.down[1].attention);
  EXPECT_TRUE(config.up[0].attention);
}

TEST(UNet2DConfig, ReadsTheTrapsOfOldFiles) {
  const UNet2DConfig config = with(R"({"attention_head_dim": null, "downsample_padding": 0, "flip_sin_to_cos": false,
      "freq_shift": 1, "norm_eps": 1e-06, "sample_size": [16, 32], "act_fn": "swish", "class_embed_type": null,
      "down_block_types": ["UNetResDownBlock2D", "UNetResAttnDownBlock2D"], "time_embedding_dim": 0})");
  EXPECT_FALSE(config.attention_head_dim.has_value());
  EXPECT_EQ(config.downsample_padding, 0);
  EXPECT_EQ(config.norm_eps, 1e-6);
  EXPECT_EQ(config.activation, Activation::silu);
  EXPECT_TRUE(config.down[1].attention);
  EXPECT_FALSE(config.time_embedding_dim.has_value());
  EXPECT_EQ(config.sample_size[1], 32);
}

/// The shape of the published NCSN++ files.
UNet2DConfig ncsnpp(const std::string& channels, const std::string& norm_num_groups = "null") {
  return with(R"({"in_channels": 3, "out_channels": 3, "attention_head_dim": null, "block_out_channels": )" + channels +
              R"(, "norm_num_groups": )" + norm_num_groups + R"(,
      "down_block_types": ["SkipDownBlock2D", "AttnSkipDownBlock2D"],
      "up_block_types": ["AttnSkipUpBlock2D", "SkipUpBlock2D"]})");
}

TEST(UNet2DConfig, ReadsSkipLevelsAndTheirNorms) {
  const UNet2DConfig config = ncsnpp("[32, 64]");
  EXPECT_EQ(config.down[0].resample, LevelResample::skip);
  EXPECT_TRUE(config.down[1].attention && config.up[0].attention && !config.up[1].attention);
  EXPECT_EQ(config.groups_of(64), 16);
  EXPECT_EQ(config.groups_of(256), 32);
  EXPECT_EQ(ncsnpp("[32, 64]", "4").groups_of(64), 4);
  EXPECT_EQ(parse_unet2d_config(unet2d_config_json(config), "again").up[0].resample, LevelResample::skip);
  EXPECT_EQ(unet2d_config_json(config)["down_block_types"][1], "AttnSkipDownBlock2D");
  // What diffusers refuses too: it cannot be divided into the groups of a norm.
  const auto complaint = [](const std::string& channels) { return test::complaint([&] { ncsnpp(channels); }); };
  test::expect_says(complaint("[8, 32]"), {"unet/config.json", "block_out_channels", "40 channels", "32 groups"});
  test::expect_says(complaint("[32, 48]"), {"48 channels", "32 groups"});
  test::expect_says(complaint("[2, 32]"), {"2 channels", "0 groups"});
}

TEST(UNet2DConfig, RefusesByName) {
  const std::vector<std::pair<const char*, const char*>> refused{
      {R"({"down_block_types": ["SkipDownBlock2D", "DownBlock2D"], "in_channels": 3})", "down_block_types"},
      {R"({"up_block_types": ["UpBlock2D", "AttnSkipUpBlock2D"], "out_channels": 3})", "up_block_types"},
      {R"({"down_block_types": ["SkipDownBlock2D", "SkipDownBlock2D"]})", "in_channels"},
      {R"({"up_block_types": ["SkipUpBlock2D", "SkipUpBlock2D"]})", "out_channels"},
      {R"({"up_block_types": ["SkipUpBlock2D", "SkipDownBlock2D"], "out_channels": 3})", "SkipDownBlock2D"},
      {R"({"down_block_types": ["KDownBlock2D", "DownBlock2D"]})", "KDownBlock2D"},
      {R"({"up_block_types": ["DownBlock2D", "UpBlock2D"]})", "DownBlock2D"},
      {R"({"down_block_types": ["DownBlock2D"]})", "one entry per level"},
      {R"({"block_out_channels": []})", "one entry per level"},
      {R"({"mid_block_type": "UNetMidBlock2DCrossAttn"})", "mid_block_type"},
      {R"({"time_embedding_type": "learned", "num_train_timesteps": 1000})", "time_embedding_type"},
      {R"({"resnet_time_scale_shift": "spatial"})", "resnet_time_scale_shift"},
      {R"({"class_embed_type": "timestep"})", "class_embed_type"},
      {R"({"num_class_embeds": 0})", "num_class_embeds"},
      {R"({"downsample_padding": 2})", "downsample_padding"},
      {R"({"downsample_type": "fir"})", "downsample_type"},
      {R"({"upsample_type": 1})", "upsample_type"},
      {R"({"act_fn": "tanh"})", "act_fn"},
      {R"({"norm_num_groups": 3})", "norm_num_groups"},
      {R"({"norm_num_groups": null})", "norm_num_groups"},
      {R"({"norm_num_groups": 0})", "norm_num_groups"},
      {R"({"attn_norm_num_groups": 5})", "attn_norm_num_groups"},
      {R"({"attention_head_dim": 32})", "attention_head_dim"},
      {R"({"attention_head_dim": 0})", "attention_head_dim"},
      {R"({"block_out_channels": [8, 99999999999]})", "block_out_channels"},
      {R"({"block_out_channels": [8, -8]})", "block_out_channels"},
      {R"({"in_channels": 0})", "in_channels"},
      {R"({"in_channels": 18446744073709551615})", "in_channels"},
      {R"({"layers_per_block": "2"})", "layers_per_block"},
      {R"({"freq_shift": 4})", "freq_shift"},
      {R"({"norm_eps": 0})", "norm_eps"},
      {R"({"mid_block_scale_factor": 0})", "mid_block_scale_factor"},
      {R"({"sample_size": [1, 2, 3]})", "sample_size"},
      {R"({"cross_attention_dim": 768})", "cross_attention_dim"},
      {R"({"_class_name": "UNet2DConditionModel"})", "UNet2DConditionModel"},
  };
  for (const auto& [changes, name] : refused) {
    try {
      with(changes);
      ADD_FAILURE() << changes << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      EXPECT_EQ(error.location().find("unet/config.json"), 0U);
      EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << changes << " -> " << error.what();
    }
  }
}

}  // namespace
}  // namespace recon
