"""Golden schedules and sampler runs, from diffusers' schedulers.

    python src/sampling/reference.py            # writes src/sampling/goldens/<case>.safetensors

Each file holds, for one scheduler_config.json and one number of steps N:

    timesteps      (N)              int64 (UniPC, truncated) or float32 (Euler), as given to the transformer
    sigmas         (N + 1)          float32
    sample         (B, C, F, H, W)  the noise it starts from
    model_outputs  (N, B, C, ...)   what "the transformer" answers at each step: fixed random numbers
    samples        (N, B, C, ...)   the latents after each step, all in float32

and in its metadata `scheduler_config` (the JSON text), `steps` and `reference`. The answers are velocities
of a plausible size, different at every step, so that a wrong history or a wrong order shows at once.
Needs torch, diffusers, safetensors, numpy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import diffusers
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "reference"))
import golden  # noqa: E402

SHAPE = (2, 3, 1, 2, 5)  # (B, C, F, H, W)


def case(name: str, scheduler, steps: int, drop: tuple[str, ...] = ()) -> None:
    """`drop` leaves keys out of the stored config whose values are the defaults."""
    config = json.loads(scheduler.to_json_string())
    config.pop("_use_default_values", None)
    for key in drop:
        del config[key]
    scheduler.set_timesteps(steps)
    scheduler.set_begin_index(0)
    sample = golden.normal(f"sampling/{name}/sample", *SHAPE)
    answers = golden.normal(f"sampling/{name}/answers", steps, *SHAPE, scale=1.3)
    latents, after = sample, []
    for step, timestep in enumerate(scheduler.timesteps):
        latents = scheduler.step(answers[step], timestep, latents, return_dict=False)[0]
        after.append(latents)
    samples = torch.stack(after)
    assert torch.isfinite(samples).all(), name
    tensors = {"timesteps": scheduler.timesteps, "sigmas": scheduler.sigmas, "sample": sample,
               "model_outputs": answers, "samples": samples}
    notes = {"case": name, "reference": f"diffusers {diffusers.__version__}", "steps": str(steps),
             "scheduler_config": json.dumps(config, indent=2) + "\n"}
    golden.save(HERE / "goldens" / f"{name}.safetensors", tensors, notes)
    print(f"{name}: timesteps {scheduler.timesteps[:3].tolist()} ... {scheduler.timesteps[-1].item()}")


def unipc(**more) -> UniPCMultistepScheduler:
    return UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000,
                                   **more)


def main() -> None:
    for old in (HERE / "goldens").glob("*.safetensors"):
        old.unlink()
    for steps in (1, 2, 3, 4, 7, 10, 30, 50):
        case(f"euler_shift3_steps{steps}", FlowMatchEulerDiscreteScheduler(shift=3.0), steps)
    case("euler_shift1_steps5", FlowMatchEulerDiscreteScheduler(), 5)
    case("euler_shift8_steps20", FlowMatchEulerDiscreteScheduler(shift=8.0), 20)
    case("euler_defaults_left_out", FlowMatchEulerDiscreteScheduler(), 6,
         drop=("shift", "num_train_timesteps", "use_dynamic_shifting", "base_shift", "max_shift", "base_image_seq_len",
               "max_image_seq_len", "invert_sigmas", "shift_terminal", "use_karras_sigmas", "use_exponential_sigmas",
               "use_beta_sigmas", "time_shift_type", "stochastic_sampling"))
    case("euler_train500_shift2.5_steps6", FlowMatchEulerDiscreteScheduler(num_train_timesteps=500, shift=2.5), 6)
    for steps in (1, 2, 3, 4, 5, 10, 30, 50):
        case(f"unipc_shift3_steps{steps}", unipc(flow_shift=3.0), steps)
    case("unipc_shift1_steps6", unipc(), 6)
    case("unipc_shift5_steps20", unipc(flow_shift=5.0), 20)
    case("unipc_shift12_steps8", unipc(flow_shift=12.0), 8)
    case("unipc_disable_corrector_0", unipc(flow_shift=5.0, disable_corrector=[0]), 6)
    case("unipc_disable_corrector_1_3", unipc(flow_shift=3.0, disable_corrector=[1, 3]), 7)
    case("unipc_defaults_left_out", unipc(flow_shift=1.0), 5,
         drop=("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "trained_betas", "solver_order",
               "thresholding", "dynamic_thresholding_ratio", "sample_max_value", "predict_x0", "solver_type",
               "lower_order_final", "disable_corrector", "solver_p", "use_karras_sigmas", "use_exponential_sigmas",
               "use_beta_sigmas", "flow_shift", "timestep_spacing", "steps_offset", "final_sigmas_type",
               "rescale_betas_zero_snr", "use_dynamic_shifting", "time_shift_type", "sigma_min", "sigma_max",
               "shift_terminal"))
    case("unipc_train500_steps6", UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True,
                                                          num_train_timesteps=500, flow_shift=4.0), 6)
    case("unipc_sigma_min_steps5", unipc(flow_shift=3.0, final_sigmas_type="sigma_min"), 5)
    # Beyond what Wan's folders hold; an implementation may refuse these by name instead.
    case("unipc_other_order1_steps5", unipc(flow_shift=3.0, solver_order=1), 5)
    case("unipc_other_order3_steps8", unipc(flow_shift=3.0, solver_order=3), 8)
    case("unipc_other_heun_is_bh2_steps6", unipc(flow_shift=3.0, solver_type="heun"), 6)


if __name__ == "__main__":
    main()
