#pragma once

/// Before a function that the CPU and the kernels of a GPU share.
#ifdef __CUDACC__
#define RECON_HOST_DEVICE __host__ __device__
#else
#define RECON_HOST_DEVICE
#endif
