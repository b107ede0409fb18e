"""The fixed workload by FastAPI, asyncpg and Redis, as somebody would write it who knows them.

One event loop a worker (uvloop, httptools), statements prepared by asyncpg, items stored as JSON and never
parsed, answers kept in Redis as bytes for as long as the service's own caches may keep them: a lookup for a
second, a search for ten.
"""

import os
from contextlib import asynccontextmanager

import asyncpg
import orjson
import redis.asyncio as redis
from fastapi import FastAPI, Request, Response

MOST_COUNTED = 10_000
LOOKUP_TTL, SEARCH_TTL = 1, 10
COLUMNS = {"genre": "genres", "language": "languages", "country": "countries", "person": "people"}
FACETS = {"genre": "unnest(genres)", "decade": "year / 10 * 10"}
ORDERS = {"rating": "rating DESC NULLS LAST, id", "year": "year DESC NULLS LAST, id"}


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=4, statement_cache_size=1000)
    app.state.cache = redis.from_url(os.environ["REDIS_URL"])
    yield
    await app.state.pool.close()
    await app.state.cache.aclose()


app = FastAPI(lifespan=lifespan, openapi_url=None)


async def cached(request: Request, ttl: int, make) -> Response:
    key = b"ref:" + request.scope["path"].encode() + b"?" + request.scope["query_string"]
    body = await app.state.cache.get(key)
    if body is None:
        body = await make()
        if body is None:
            return Response(status_code=404)
        await app.state.cache.set(key, body, ex=ttl)
    return Response(body, media_type="application/json")


@app.get("/readyz")
async def readyz():
    await app.state.pool.fetchval("SELECT 1")
    return Response()


@app.get("/v1/movies/{name}")
async def movie(name: str, request: Request):
    async def make():
        if name.startswith("tt"):
            doc = await app.state.pool.fetchval("SELECT doc FROM ref_movies WHERE imdb_id = $1", name)
        else:
            doc = await app.state.pool.fetchval("SELECT doc FROM ref_movies WHERE id = $1", int(name))
        return doc and doc.encode()

    return await cached(request, LOOKUP_TTL, make)


@app.get("/v1/suggest")
async def suggest(q: str, request: Request):
    async def make():
        prefix = q.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = await app.state.pool.fetch(
            """(SELECT json_build_object('kind', 'movie', 'id', id, 'text', title, 'year', year)::text
                FROM ref_movies WHERE title LIKE $1 AND NOT adult ORDER BY popularity DESC LIMIT 7)
               UNION ALL
               (SELECT json_build_object('kind', 'person', 'id', id, 'text', name)::text
                FROM ref_people WHERE lower LIKE $1 ORDER BY movies DESC LIMIT 3)""", prefix)
        return ('{"items":[' + ",".join(r[0] for r in rows) + "]}").encode()

    return await cached(request, SEARCH_TTL, make)


@app.get("/v1/movies")
async def movies(request: Request):
    p = request.query_params
    if ids := p.get("ids"):
        async def by_ids():
            rows = await app.state.pool.fetch("SELECT doc FROM ref_movies WHERE id = ANY($1)", [int(i) for i in ids.split(",")])
            return page([r[0] for r in rows], len(rows))

        return await cached(request, LOOKUP_TTL, by_ids)
    return await cached(request, SEARCH_TTL, lambda: search(p))


async def search(p) -> bytes:
    where, args = conditions(p)
    limit = int(p.get("limit", 20))
    text = p.get("q", "").lower()
    if not text:
        return await listed(p, where, args, ORDERS.get(p.get("sort"), "popularity DESC, id"), limit)
    n = len(args) + 1
    answer = await listed(p, where + [f"words @@ plainto_tsquery('simple', ${n})"], args + [text],
                          f"ts_rank(words, plainto_tsquery('simple', ${n})) * ln(2 + popularity) DESC, id", limit)
    if answer is None:
        answer = await listed(p, where + [f"title % ${n}"], args + [text], f"title <-> ${n}, id", limit)
    return answer or page([], 0)


def conditions(p):
    where, args = ["NOT adult"], []
    for name, column in COLUMNS.items():
        if value := p.get(name):
            args.append(value.lower())
            where.append(f"{column} @> ARRAY[${len(args)}]")
    for name, number in (("year", int), ("rating", float), ("votes", int)):
        if bounds := p.get(name):
            low, _, high = bounds.partition("..")
            for bound, operator in ((low, ">="), (high, "<=")):
                if bound:
                    args.append(number(bound))
                    where.append(f"{name} {operator} ${len(args)}")
    return where, args


async def listed(p, where, args, order, limit):
    """The page, or None when nothing matches and text was asked for."""
    condition = " AND ".join(where)
    async with app.state.pool.acquire() as db:
        rows = await db.fetch(f"SELECT doc FROM ref_movies WHERE {condition} ORDER BY {order} LIMIT {limit}", *args)
        if not rows:
            return None if p.get("q") else page([], 0)
        total = len(rows)
        if total == limit:
            total = await db.fetchval(f"SELECT count(*) FROM (SELECT 1 FROM ref_movies WHERE {condition} LIMIT {MOST_COUNTED + 1}) m", *args)
        facets = {}
        for name in filter(None, p.get("facets", "").split(",")):
            counts = await db.fetch(f"""SELECT v, count(*) FROM (SELECT {FACETS[name]} v FROM ref_movies WHERE {condition}) m
                WHERE v IS NOT NULL GROUP BY v ORDER BY count(*) DESC, v LIMIT 20""", *args)
            facets[name] = [{"value": c[0], "count": c[1]} for c in counts]
    return page([r[0] for r in rows], total, facets)


def page(items, total, facets=None) -> bytes:
    relation = "gte" if total > MOST_COUNTED else "eq"
    counted = ',"facets":' + orjson.dumps(facets).decode() if facets else ""
    return f'{{"items":[{",".join(items)}],"total":{{"value":{min(total, MOST_COUNTED)},"relation":"{relation}"}}{counted}}}'.encode()
