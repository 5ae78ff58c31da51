// --precision, its words and where they are recorded.
#include "data/result_file.h"
#include "tests/commands/program.h"
#include "tests/support/paths.h"

namespace recon {
namespace {

class PrecisionOption : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    write("batch.yaml", "input: '" + test::source_path("data/samples/photograph_blur.h5") +
                            "'\nsolver: {type: plug_and_play, steps: 2}\noutput: {path: b.h5}\n");
  }
};

TEST_F(PrecisionOption, OfGpusIsRefusedOnACpuByEveryVerb) {
  const std::string input = test::source_path("data/samples/photograph_blur.h5");
  write("compare.yaml", "input: '" + input + "'\nsolvers: [{type: plug_and_play, steps: 2}]\noutput: compared\n");
  write("calibrate.yaml", "input: '" + input + "'\nsolver: {type: dps, steps: 2}\nsamples: 2\noutput: c.h5\n");
  for (const char* word : {"tf32", "float16"}) {
    for (const std::string& command :
         {"run '" + input + "' --solver plug_and_play -o r.h5", std::string("batch batch.yaml"),
          std::string("compare compare.yaml"), std::string("calibrate calibrate.yaml"),
          "sample '" + test::source_path("configs/sample/natural_gray.yaml") + "' -o s.h5"}) {
      expect_error(command + " --device cpu --threads 1 --precision " + word, 2,
                   {"precision", std::string(word) + " is for GPUs; a CPU takes float32, bfloat16 or auto"});
    }
  }
  EXPECT_FALSE(std::filesystem::exists(path("b.h5")));
}

TEST_F(PrecisionOption, OfTrainingHasGradientsToKeep) {
  const std::string train =
      "train '" + test::source_path("configs/train/tiny.yaml") + "' --device cpu --set training.precision=";
  expect_error(train + "float16", 2, {"precision", "training takes float32, tf32 or bfloat16"});
  expect_error(train + "tf32", 2, {"precision", "tf32 is for GPUs"});
}

TEST_F(PrecisionOption, NonsenseIsAnsweredByTheWords) {
  expect_error("batch batch.yaml --precision float8", 2, {"auto", "float32", "tf32", "bfloat16", "float16"});
}

TEST_F(PrecisionOption, OfABatchIsRecordedAndComparedByVerifyAndResume) {
  ASSERT_EQ(recon("batch batch.yaml --threads 1 --precision bfloat16 --allow-misfit").exit_code, 0);
  EXPECT_TRUE(contains(ResultFile::open(path("b.h5").string()).header().config, "precision: \"bfloat16\""));
  const Outputs same = recon("batch --verify b.h5 --threads 1");
  EXPECT_EQ(same.exit_code, 0) << same.err;
  expect_error("batch batch.yaml --threads 1", 2, {"precision", "bfloat16", "float32"});
  expect_error("batch --verify b.h5 --threads 1 --set precision=float32", 3, {"precision", "bfloat16", "float32"});
}

}  // namespace
}  // namespace recon
