# Files of tests/data/field_files_test.cpp that no writer of the tests makes: HDF5 with parts in other files and with a
# user block (h5py), TIFF with compression, palette and tiles (tifffile with imagecodecs).
# Run in this folder: python3 make_files.py
import h5py
import numpy as np
import tifffile

ramp = np.arange(24, dtype=np.float32).reshape(4, 6)
for name, part in (('virtual_a.h5', ramp[:1]), ('virtual_b.h5', ramp[1:])):
    with h5py.File(name, 'w') as f:
        f.create_dataset('data', data=part, track_times=False)


def virtual(name, files, rows=4):
    layout = h5py.VirtualLayout((rows, 6), np.float32)
    begin = 0
    for file, count in files:
        layout[begin:begin + count] = h5py.VirtualSource(file, 'data', (count, 6))
        begin += count
    with h5py.File(name, 'w', libver=('earliest', 'v110')) as f:
        f.create_virtual_dataset('data', layout)


virtual('virtual.h5', [('virtual_a.h5', 1), ('virtual_b.h5', 3)])
virtual('virtual_missing.h5', [('virtual_a.h5', 1), ('virtual_none.h5', 3)])
virtual('virtual_short.h5', [('virtual_a.h5', 2), ('virtual_b.h5', 2)])
virtual('virtual_hole.h5', [('virtual_a.h5', 1)])
with h5py.File('user_block.h5', 'w', userblock_size=1024) as f:
    f.create_dataset('data', data=ramp, track_times=False)
with h5py.File('dangling.h5', 'w') as f:
    f['soft'] = h5py.SoftLink('/nothing')
    f['external'] = h5py.ExternalLink('nowhere.h5', '/data')

grey = (np.add.outer(7 * np.arange(40), 13 * np.arange(50)) * 37 % 65536).astype(np.uint16)
tifffile.imwrite('lzw_tiles.tif', grey, compression='lzw', predictor=True, tile=(16, 16))
tifffile.imwrite('deflate_float.tif', grey.astype(np.float32) / 8, compression='zlib', predictor=3)
tifffile.imwrite('big_endian_big.tif', np.stack([grey, grey // 2]), bigtiff=True, byteorder='>', photometric='minisblack')
indices = (np.add.outer(np.arange(5), np.arange(6)) % 256).astype(np.uint8)
colours = np.zeros((3, 256), np.uint16)
colours[0] = 257 * np.arange(256)
colours[1] = 65535 - colours[0]
tifffile.imwrite('palette.tif', indices, photometric='palette', colormap=colours)
