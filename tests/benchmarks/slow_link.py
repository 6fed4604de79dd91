"""A slow link: a TCP proxy that delays what goes through it and caps how much."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds that may wait in the link: as with a small buffer of a router, senders are held back then.
BUFFERED = 0.2


class Direction:
    """One way through the link, which all connections share.

    Parameters
    ----------
    delay : float
        Seconds.
    rate : float
        Bytes per second.
    """

    def __init__(self, delay: float, rate: float) -> None:
        self.delay, self.rate = delay, rate
        self._free_at = 0.0

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes until the sender closes."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def arrive() -> None:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(due - loop.time())
                if not data:
                    writer.close()
                    return
                writer.write(data)
                await writer.drain()

        arriving = asyncio.create_task(arrive())
        try:
            while data := await reader.read(8192):
                self._free_at = max(self._free_at, loop.time()) + len(data) / self.rate
                queue.put_nowait((self._free_at + self.delay, data))
                await asyncio.sleep(self._free_at - loop.time() - BUFFERED)
            queue.put_nowait((loop.time() + self.delay, b""))
            await arriving
        except (ConnectionError, asyncio.CancelledError):
            arriving.cancel()
            writer.close()


@contextmanager
def slow_link(port: int, *, round_trip: float, rate: float) -> Iterator[int]:
    """Give a port of this machine that leads to another one.

    Parameters
    ----------
    port : int
    round_trip : float
        Seconds.
    rate : float
        Bytes per second, each way.
    """
    loop = asyncio.new_event_loop()
    there, back = Direction(round_trip / 2, rate), Direction(round_trip / 2, rate)

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(there.pump(reader, server_writer), back.pump(server_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(connect, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def stop() -> None:
        server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
