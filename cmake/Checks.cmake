# Tests that are scripts: the rules of the house, and the built program run as a person runs it. Python is Debian's, with
# its standard library alone.
function(zt_script_test name script)
  add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} -B ${CMAKE_SOURCE_DIR}/${script} ${ARGN}
           WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900)
endfunction()

function(zt_add_checks)
  if(NOT ZOETROPE_TESTS)
    return()
  endif()
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  zt_script_test(house.layers tools/check_layers.py)
  zt_script_test(house.layers_test tools/check_layers_test.py)
  zt_script_test(house.caps tools/check_caps.py)
  zt_script_test(house.caps_test tools/check_caps_test.py)
  zt_script_test(script.cuda_parts tests/cuda_parts.py)
  if(TARGET zoetrope)
    zt_script_test(program.bad_input tests/bad_input.py $<TARGET_FILE:zoetrope>)
    zt_script_test(program.determinism tests/determinism.py $<TARGET_FILE:zoetrope>)
    # Its limits are seconds: alone on the machine.
    set_tests_properties(program.bad_input PROPERTIES RUN_SERIAL ON)
    if(EXISTS ${CMAKE_SOURCE_DIR}/assets/demo/video/model_index.json)
      zt_script_test(program.resume tests/resume.py $<TARGET_FILE:zoetrope>)
      set_tests_properties(program.resume PROPERTIES RUN_SERIAL ON)
    endif()
  endif()
endfunction()
