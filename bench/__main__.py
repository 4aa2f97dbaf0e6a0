"""`make bench`: the floor and ours in one run."""

import asyncio

from bench.arrears import main

asyncio.run(main())
