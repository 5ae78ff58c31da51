#!/usr/bin/env python3
"""Writes a fully sampled Cartesian scan of four coils by the package ismrmrd: write_mrd.py FILE. Run by
tests/commands/container_files_test.cpp; read_back.py has the image."""
import sys

import ismrmrd
import numpy as np

size, coils = 32, 4
axis = (np.arange(size) - size / 2) / size
y, x = np.meshgrid(axis, axis, indexing="ij")
head = ((x / 0.36)**2 + (y / 0.42)**2 < 1) * (1 + 0.5 * np.cos(9 * x) * np.cos(7 * y))
places = np.exp(2j * np.pi * np.arange(coils) / coils)
maps = np.stack([np.exp(-((x - 0.6 * p.real)**2 + (y - 0.6 * p.imag)**2) / 0.5) * p for p in places])
rng = np.random.default_rng(0)
if __name__ == "__main__":
    kspace = np.fft.fftshift(np.fft.fft2(np.fft.ifftshift(maps * head, axes=(1, 2)), norm="ortho"), axes=(1, 2))
    kspace += 0.01 * (rng.normal(size=kspace.shape) + 1j * rng.normal(size=kspace.shape))
    file = ismrmrd.Dataset(sys.argv[1], "dataset", True)
    space = "<{0}><matrixSize><x>{1}</x><y>{1}</y><z>1</z></matrixSize><fieldOfView_mm><x>256</x><y>256</y><z>5</z></fieldOfView_mm></{0}>"
    file.write_xml_header(
        '<?xml version="1.0"?><ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD"><experimentalConditions>'
        "<H1resonanceFrequency_Hz>1</H1resonanceFrequency_Hz></experimentalConditions><encoding>" +
        space.format("encodedSpace", size) + space.format("reconSpace", size) +
        f"<encodingLimits><kspace_encoding_step_1><minimum>0</minimum><maximum>{size - 1}</maximum><center>{size // 2}"
        "</center></kspace_encoding_step_1></encodingLimits><trajectory>cartesian</trajectory></encoding></ismrmrdHeader>")
    for line in range(size):
        acquisition = ismrmrd.Acquisition.from_array(kspace[:, line].astype(np.complex64))
        acquisition.center_sample = size // 2
        acquisition.idx.kspace_encode_step_1 = line
        file.append_acquisition(acquisition)
    file.close()
