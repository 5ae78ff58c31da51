# What plug-ins (recon/core/plugin.h) need of the program: all of the rooms, whether it uses them itself or not, with their
# symbols visible; and a stamp of the headers that they are compiled against.
set_target_properties(recon PROPERTIES ENABLE_EXPORTS ON)
get_property(rooms GLOBAL PROPERTY RECON_ROOMS)
list(TRANSFORM rooms REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
target_link_options(recon PRIVATE LINKER:--whole-archive ${archives} LINKER:--no-whole-archive)

set(recon_stamp_header "${CMAKE_BINARY_DIR}/generated/recon/core/headers_stamp.h")
add_custom_target(recon_headers_stamp BYPRODUCTS "${recon_stamp_header}"
                  COMMAND "${CMAKE_COMMAND}" -DSOURCE=${PROJECT_SOURCE_DIR} -DOUTPUT=${recon_stamp_header}
                          -DVERSION=${PROJECT_VERSION} -P "${PROJECT_SOURCE_DIR}/recon/cmake/headers_stamp.cmake")
add_dependencies(recon_core recon_headers_stamp)
set_source_files_properties(recon/core/plugin_loader.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON
                            INCLUDE_DIRECTORIES "${CMAKE_BINARY_DIR}/generated")
