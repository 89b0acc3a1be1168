"""The peer that mock-api is measured against: the same answer from FastAPI, as its users would write it.

Run with two workers:  uvicorn --app-dir crates/bench-harness/peers mock_api_fastapi:app --workers 2 --log-level warning
"""

from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Weather(BaseModel):
    city: str
    condition: str
    temperature_c: float
    humidity_pct: int
    wind_kmh: float


@app.get("/weather/{city}")
async def weather(city: str) -> Weather:
    return Weather(city=city, condition="clear", temperature_c=21.4, humidity_pct=63, wind_kmh=11.5)
