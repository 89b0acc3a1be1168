"""Exercise 16, states: states, their cities and the districts of those, from one request for each."""

import json
from concurrent.futures import ThreadPoolExecutor

import contract

SIZES = {
    "tiny": ("AC,RR", 1, 8, 2),
    "small": ("AC,AP,DF,RR", 2, 16, 2),
    "medium": ("RO,AC,AM,RR,PA,AP,TO", 4, 40, 15),
    "large": ("", 26, 500, 10),
}
BASE = "/api/v1/localidades"


def wanted(states, names):
    return sorted((state for state in states if not names or state["sigla"] in names.split(",")), key=lambda state: state["id"])


def named(row):
    return {"id": row["id"], "nome": row["nome"]}


def write(request, states):
    with open(request.out("states.json"), "w") as file:
        json.dump({"states": states}, file, ensure_ascii=False)


def with_thread_pool(request):
    import requests
    request.go()
    names, states_at_once, cities_at_once, latency = SIZES[request.scale]
    headers = {"x-fault": f"latency={latency}"}

    def get(path):
        answer = requests.get(request.api + BASE + path, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def districts(city):
        return {**named(city), "districts": [named(row) for row in get(f"/municipios/{city['id']}/distritos")]}

    with ThreadPoolExecutor(cities_at_once) as cities_pool, ThreadPoolExecutor(states_at_once) as states_pool:
        def cities(state):
            return {**state, "cities": list(cities_pool.map(districts, get(f"/estados/{state['sigla']}/municipios")))}

        write(request, list(states_pool.map(cities, wanted(get("/estados"), names))))


def with_aiohttp(request):
    import asyncio
    import aiohttp
    request.go()
    names, states_at_once, cities_at_once, latency = SIZES[request.scale]

    async def gather():
        states_gate, cities_gate = asyncio.Semaphore(states_at_once), asyncio.Semaphore(cities_at_once)
        async with aiohttp.ClientSession(headers={"x-fault": f"latency={latency}"}) as session:
            async def get(path):
                async with session.get(request.api + BASE + path) as answer:
                    answer.raise_for_status()
                    return await answer.json()

            async def districts(city):
                async with cities_gate:
                    return {**named(city), "districts": [named(row) for row in await get(f"/municipios/{city['id']}/distritos")]}

            async def cities(state):
                async with states_gate:
                    rows = await get(f"/estados/{state['sigla']}/municipios")
                return {**state, "cities": await asyncio.gather(*map(districts, rows))}

            return await asyncio.gather(*map(cities, wanted(await get("/estados"), names)))

    write(request, asyncio.run(gather()))


def answer(request):
    def plain(rows, deeper):
        below = {"cities": "districts"}
        return [[row["id"], row["nome"], plain(row[deeper], below.get(deeper)) if deeper else None]
                for row in sorted(rows, key=lambda row: row["id"])]

    states = json.load(open(request.out("states.json")))["states"]
    return contract.digest([json.dumps(plain(states, "cities")).encode()])


contract.main(
    ours=lambda request: ["states-api", "states", "--scale", request.scale, "--api", request.api,
                          "--out", request.out("states.json")],
    answer=answer,
    peers={
        "requests, threads": (with_thread_pool, ["requests"]),
        "aiohttp, semaphores": (with_aiohttp, ["aiohttp"]),
    },
)
