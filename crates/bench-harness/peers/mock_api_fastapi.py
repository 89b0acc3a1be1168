"""The peer that mock-api is measured against: the same answer for every city from FastAPI, as its users would write it.

Run with two workers:  uvicorn --app-dir crates/bench-harness/peers mock_api_fastapi:app --workers 2 --log-level warning
"""

import os

from fastapi import FastAPI, Path
from pydantic import BaseModel

app = FastAPI()
SEED = int(os.environ.get("SEED", "42"))
CONDITIONS = ["clear", "partly cloudy", "overcast", "drizzle", "rain", "thunderstorm"]
WORD = (1 << 64) - 1


class Weather(BaseModel):
    city: str
    condition: str
    temperature_c: float
    humidity_pct: int
    wind_kmh: float


def mix(z: int) -> int:
    """The finaliser of SplitMix64."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


class Dice:
    """The numbers that a seed and a name decide: FNV-1a and SplitMix64, as in mock-api."""

    def __init__(self, seed: int, *parts: bytes):
        state = 0xCBF29CE484222325 ^ mix(seed)
        for part in parts:
            for byte in part:
                state = ((state ^ byte) * 0x100000001B3) & WORD
            state = mix(state ^ len(part))
        self.state = state

    def below(self, n: int) -> int:
        self.state = (self.state + 0x9E3779B97F4A7C15) & WORD
        return mix(self.state) * n >> 64


@app.get("/weather/{city}")
async def weather(city: str = Path(min_length=1)) -> Weather:
    dice = Dice(SEED, b"weather", city.encode())
    temperature_c = (-50 + dice.below(451)) / 10
    wind_kmh = dice.below(901) / 10
    humidity_pct = 20 + dice.below(80)
    return Weather(
        city=city,
        condition=CONDITIONS[dice.below(6)],
        temperature_c=temperature_c,
        humidity_pct=humidity_pct,
        wind_kmh=wind_kmh,
    )
