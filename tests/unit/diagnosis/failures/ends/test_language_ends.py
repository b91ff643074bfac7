"""How runtimes of programming languages write an uncaught error, and what only resembles that."""

import pytest

from bot.diagnosis.failures.ends.language_ends import is_uncaught, marks_uncaught


@pytest.mark.parametrize(
    "text",
    [
        "Fortran runtime error: End of file",
        "luajit: ./data.lua:44: attempt to index local 'img' (a nil value)",
        "** (RuntimeError) cannot transfer tensor",
        "/app/train.rb:44:in 'Object#fit': undefined method 'shape' for nil (NoMethodError)",
        "vocabulary is empty at train.pl line 88, <STDIN> line 4.",
        "train: /data/vocab.txt: openFile: does not exist (No such file or directory)",
        "raised STORAGE_ERROR : stack overflow",
        "[0]PETSC ERROR: Object is in wrong state",
        "ERROR: Unknown pair style mace (src/force.cpp:279)",
    ],
)
def test_uncaught_error_is_recognised(text: str) -> None:
    assert is_uncaught(text)


@pytest.mark.parametrize(
    "text",
    [
        "Use of uninitialized value $x in addition (+) at eval.pl line 44.",
        "libhwloc: /sys/class/dmi: open: No such file or directory",
        "config.lua: loaded",
        "warning: gem.rb:12: method redefined",
        "==4412==WARNING: AddressSanitizer failed to allocate 0x100 bytes",
        "LOG (nnet3-train[5.5]:main():nnet3-train.cc:44) step 10",
        "Could not open display, plots are written to files",
    ],
)
def test_line_that_resembles_an_error_is_not(text: str) -> None:
    assert not is_uncaught(text)
    assert not marks_uncaught(text)
