"""The peer that states-api is measured against: the same tree from FastAPI and aiohttp, as their users would write it.

Two semaphores bound the fan-out, and the tree is kept once it was gathered. `/api/v1/states` returns it as FastAPI's users
return things; `/bytes` returns the same document kept as bytes, which is the least that a framework can be asked to do.

    SOURCE=http://127.0.0.1:8000 uvicorn --app-dir crates/bench-harness/peers states_fastapi:app --log-level warning
"""

import asyncio
import json
import os
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI, Response

BASE = os.environ.get("SOURCE", "http://127.0.0.1:8000") + "/api/v1/localidades"
states_at_once = asyncio.Semaphore(26)
cities_at_once = asyncio.Semaphore(500)
kept = {}


@asynccontextmanager
async def lifespan(app: FastAPI):
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), connector=connector) as session:
        app.state.session = session
        yield


app = FastAPI(lifespan=lifespan)


async def get(path: str):
    async with app.state.session.get(BASE + path) as response:
        response.raise_for_status()
        return await response.json()


async def with_districts(city: dict) -> dict:
    async with cities_at_once:
        districts = await get(f"/municipios/{city['id']}/distritos")
    return {
        "id": city["id"],
        "nome": city["nome"],
        "districts": [{"id": district["id"], "nome": district["nome"]} for district in districts],
    }


async def with_cities(state: dict) -> dict:
    async with states_at_once:
        cities = await get(f"/estados/{state['sigla']}/municipios")
    return {**state, "cities": await asyncio.gather(*map(with_districts, cities))}


async def gather() -> dict:
    if "tree" not in kept:
        states = await get("/estados")
        kept["tree"] = {"states": await asyncio.gather(*map(with_cities, states)), "errors": []}
        kept["bytes"] = json.dumps(kept["tree"], ensure_ascii=False, separators=(",", ":")).encode()
    return kept["tree"]


@app.get("/api/v1/states")
async def states():
    return await gather()


@app.get("/bytes")
async def ready_made():
    await gather()
    return Response(kept["bytes"], media_type="application/json")
