"""MuJoCo's C functions for compiled code, its errors caught and its warnings unheard.

Called from Python the engine raises; called directly it would end the process. Here a log handler
jumps back out of the engine instead (`setjmp` and `longjmp`, as the engine's own binding does), so
that a call says whether it failed, and `require_sound` raises what the engine said. The few lines
that do so have to be machine code, and no compiler is needed to make it: numba brings LLVM.
"""

import ctypes
import importlib.resources

import mujoco
import numpy as np
from llvmlite import binding
from numba import types

SYMBOLS = (
    *("mj_step", "mj_forward", "mj_rnePostConstraint", "mj_resetData"),
    *("mj_getState", "mj_setState", "mju_setLogHandler"),
    *("_setjmp", "longjmp", "pthread_setspecific", "pthread_getspecific", "strncpy"),
)
ERROR = int(mujoco.mjtLogLevel.mjLOG_ERROR)
SAID = 1024  # bytes of a message


class EngineError(RuntimeError):
    """The engine gave up; its message, in one line."""


GUARD = """
declare void @mj_step(i64, i64)
declare void @mj_forward(i64, i64)
declare void @mj_rnePostConstraint(i64, i64)
declare i32 @_setjmp(ptr) returns_twice
declare void @longjmp(ptr, i32)
declare i32 @pthread_setspecific(i32, ptr)
declare ptr @pthread_getspecific(i32)
declare ptr @strncpy(ptr, ptr, i64)

define i64 @guarded_advance(i64 %model, i64 %data, i64 %steps, i64 %forces) noinline {{
entry:
  %way_out = alloca [1024 x i8], align 16
  call i32 @pthread_setspecific(i32 {key}, ptr %way_out)
  %failed = call i32 @_setjmp(ptr %way_out) returns_twice
  %gave_up = icmp ne i32 %failed, 0
  br i1 %gave_up, label %end, label %work
work:
  %stepping = icmp sgt i64 %steps, 0
  br i1 %stepping, label %step, label %forward
step:
  %taken = phi i64 [ 0, %work ], [ %more, %step ]
  call void @mj_step(i64 %model, i64 %data)
  %more = add i64 %taken, 1
  %again = icmp slt i64 %more, %steps
  br i1 %again, label %step, label %after
forward:
  call void @mj_forward(i64 %model, i64 %data)
  br label %after
after:
  %asked = icmp ne i64 %forces, 0
  br i1 %asked, label %forces_too, label %end
forces_too:
  call void @mj_rnePostConstraint(i64 %model, i64 %data)
  br label %end
end:
  call i32 @pthread_setspecific(i32 {key}, ptr null)
  %status = zext i32 %failed to i64
  ret i64 %status
}}

define void @guarding_handler(ptr %message) {{
entry:
  %way_out = call ptr @pthread_getspecific(i32 {key})
  %foreign = icmp eq ptr %way_out, null
  br i1 %foreign, label %pass_on, label %ours
pass_on:
  call void inttoptr (i64 {before} to ptr)(ptr %message)
  ret void
ours:
  %level = load i32, ptr %message
  %error = icmp eq i32 %level, {error}
  br i1 %error, label %leave, label %end
leave:
  %subject = getelementptr i8, ptr %message, i64 8
  call ptr @strncpy(ptr inttoptr (i64 {said} to ptr), ptr %subject, i64 {length})
  call void @longjmp(ptr %way_out, i32 1)
  unreachable
end:
  ret void
}}
"""
"""`advance`, and what MuJoCo tells its messages: an error inside of `advance` ends that call, a
warning there goes unheard, and what any other thread does goes to the handler that was there."""


def _library() -> ctypes.CDLL:
    """The engine's own library, its functions known to compiled code.

    Raises:
        ImportError: it or a function that is needed is missing.
    """
    folder = importlib.resources.files("mujoco")
    found = [item for item in folder.iterdir() if item.name.startswith(("libmujoco", "mujoco.dll"))]
    if not found:
        raise ImportError(f"the mujoco package ({mujoco.__version__}) holds no library")
    binding.load_library_permanently(str(found[0]))
    missing = [name for name in SYMBOLS if binding.address_of_symbol(name) is None]
    if missing:
        raise ImportError(f"mujoco {mujoco.__version__} has no {', '.join(missing)} here")
    return ctypes.CDLL(str(found[0]))


def _thread_key() -> int:
    """A new place for one pointer in every thread."""
    key = ctypes.c_uint()
    if ctypes.CDLL(None).pthread_key_create(ctypes.byref(key), None):
        raise ImportError("this process has no room for another thread-specific pointer")
    return key.value


def _guard(library: ctypes.CDLL, said: int) -> binding.ExecutionEngine:
    """Compile `GUARD` and put its handler before the one that there is."""
    exchange = library.mju_setLogHandler
    exchange.restype, exchange.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    before = exchange(None)
    numbers = {"key": _thread_key(), "before": before, "error": ERROR}
    text = GUARD.format(**numbers, said=said, length=SAID - 1)
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    module = binding.parse_assembly(text)
    module.verify()
    machine = binding.Target.from_default_triple().create_target_machine()
    code = binding.create_mcjit_compiler(module, machine)
    code.finalize_object()
    exchange(before)
    exchange(code.get_function_address("guarding_handler"))
    binding.add_symbol("guarded_advance", code.get_function_address("guarded_advance"))
    return code


MESSAGE = np.zeros(SAID, np.uint8)
"""What the engine said when it last gave up."""
CODE = _guard(_library(), MESSAGE.ctypes.data)
"""Kept as long as the process: MuJoCo calls it."""

_ADDRESS = types.intp
_STATE = types.void(_ADDRESS, _ADDRESS, _ADDRESS, types.int32)
advance = types.ExternalFunction("guarded_advance", types.intp(*[_ADDRESS] * 4))
"""(model, data, steps, forces) -> 0, or 1 if the engine gave up and `data` must not be used again.

Takes so many engine steps, or with none computes what follows from the state; with `forces` contact
forces and accelerations are computed after it (mj_rnePostConstraint), as Gymnasium does.
"""
reset_data = types.ExternalFunction("mj_resetData", types.void(_ADDRESS, _ADDRESS))
get_state = types.ExternalFunction("mj_getState", _STATE)
set_state = types.ExternalFunction("mj_setState", _STATE)
"""(model, data, address of the state, which parts of it)"""


def require_sound(status: int) -> None:
    """Raise EngineError with what the engine said, if `advance` did not return 0."""
    if status:
        said = MESSAGE.tobytes().split(b"\0")[0].decode(errors="replace")
        raise EngineError(f"MuJoCo gave up: {' '.join(said.split())}")
