#include "recon/commands/program.h"

int main(int argc, char** argv) { return recon::run_program(argc, argv); }
