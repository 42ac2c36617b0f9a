# The engine alone as one folder that may be copied anywhere:
#   bin/     the program, its tests and benchmarks. Tests are started from the folder itself: `bin/ops_test`.
#   lib/     the small libraries that they need. CUDA's are looked for here too, then in /usr/local/cuda; LD_LIBRARY_PATH
#            goes before both.
#   models/  the goldens that the tests read
function(zt_install_engine)
  foreach(program zoetrope ops_bench cuda_test ops_test end_to_end_test)
    if(TARGET ${program})
      set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN/../lib:/usr/local/cuda/lib64" EXCLUDE_FROM_ALL OFF)
      install(TARGETS ${program} RUNTIME_DEPENDENCY_SET engine RUNTIME DESTINATION bin)
    endif()
  endforeach()
  install(RUNTIME_DEPENDENCY_SET engine DESTINATION lib
          PRE_INCLUDE_REGEXES "^lib(fmt|spdlog|yaml-cpp|gomp)\\." PRE_EXCLUDE_REGEXES ".*")
  file(GLOB goldens RELATIVE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/models/*/goldens)
  foreach(data ${goldens} tests/data/lora)
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/${data}/ DESTINATION ${data})
  endforeach()
endfunction()
