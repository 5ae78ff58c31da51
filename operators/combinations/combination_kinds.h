#pragma once

#include "operators/operator_kind.h"

namespace recon {

// The registered combinations. Each reads the list `operators`, whose entries are operators of any kind.

OperatorKind compose_kind();  ///< the first entry acts on the image, the next on its result, and so on
OperatorKind sum_kind();      ///< adds the results
OperatorKind stack_kind();    ///< joins the results to one vector: several measurements of one image
OperatorKind scale_kind();    ///< `factor` times its one entry

}  // namespace recon
