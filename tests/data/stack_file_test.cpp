// Stacks of slices as NIfTI-1 (bytes at the places that nifti1.h gives them) and TIFF (read back by OpenCV).
#include "data/stack_file.h"

#include "data/image_io.h"
#include "data/nifti_file.h"
#include "tests/data/data_support.h"

namespace recon {
namespace {

using namespace testing_data;

class StackFile : public DataTest {
 protected:
  template <class T>
  static T at_byte(const std::string& bytes, std::size_t offset) {
    T value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
};

TEST_F(StackFile, NiftiHasTheStandardsLayout) {
  const at::Tensor stack = at::arange(24, at::kFloat).view({2, 3, 4});
  write_nifti(path("a.nii"), stack, {.voxel_mm = {0.5, 0.75, 3}});
  const std::string bytes = file_bytes(path("a.nii"));
  ASSERT_EQ(bytes.size(), 352 + 24 * sizeof(float));
  EXPECT_EQ(at_byte<std::int32_t>(bytes, 0), 348);
  const std::vector<std::int16_t> dim{3, 4, 3, 2, 1, 1, 1, 1};  // width, height, slices
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(at_byte<std::int16_t>(bytes, 40 + 2 * i), dim[i]) << i;
  EXPECT_EQ(at_byte<std::int16_t>(bytes, 70), 16);  // datatype float32
  EXPECT_EQ(at_byte<std::int16_t>(bytes, 72), 32);
  EXPECT_EQ(at_byte<float>(bytes, 80), 0.5F);
  EXPECT_EQ(at_byte<float>(bytes, 84), 0.75F);
  EXPECT_EQ(at_byte<float>(bytes, 88), 3.0F);
  EXPECT_EQ(at_byte<float>(bytes, 108), 352.0F);  // vox_offset
  EXPECT_EQ(at_byte<float>(bytes, 112), 1.0F);    // scl_slope
  EXPECT_EQ(bytes[123], 2);                       // millimetres
  EXPECT_EQ(bytes.substr(344, 4), std::string("n+1\0", 4));
  EXPECT_EQ(at_byte<float>(bytes, 352 + 4 * 5), 5.0F);  // x fastest: entry 5 is [0, 1, 1]
}

TEST_F(StackFile, NiftiKeepsComplexValues) {
  write_nifti(path("c.nii"), at::complex(at::ones({1, 2, 2}), at::full({1, 2, 2}, -2.0F)), {});
  const std::string bytes = file_bytes(path("c.nii"));
  EXPECT_EQ(at_byte<std::int16_t>(bytes, 70), 32);  // complex64
  EXPECT_EQ(at_byte<float>(bytes, 356), -2.0F);
  EXPECT_THROW(write_nifti(path("d.nii"), at::ones({1, 1, 40000}), {}), Error);
  EXPECT_EQ(files(), 1U);
}

TEST_F(StackFile, TiffHoldsEveryPage) {
  const at::Tensor stack = at::linspace(-1, 4, 60).view({3, 4, 5});
  write_tiff_stack(path("a.tiff"), stack);
  for (std::int64_t i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(read_image(path("a.tiff"), {.page = i})[0], stack[i]));
  // The pages' own bytes: uncompressed, in order.
  const std::string bytes = file_bytes(path("a.tiff"));
  for (std::int64_t i = 0; i < 3; ++i) {
    const at::Tensor page = stack[i].contiguous();
    EXPECT_NE(bytes.find(std::string(static_cast<const char*>(page.const_data_ptr()), page.nbytes())),
              std::string::npos);
  }
  write_tiff_stack(path("c.tiff"), at::complex(3 * at::ones({1, 2, 2}), 4 * at::ones({1, 2, 2})));
  EXPECT_EQ(read_image(path("c.tiff")).max().item<float>(), 5.0F);  // magnitude
  EXPECT_THROW(write_tiff_stack(path("missing/a.tiff"), stack), Error);
}

}  // namespace
}  // namespace recon
