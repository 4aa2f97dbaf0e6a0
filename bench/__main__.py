"""`make bench`: the floor and ours in one run, then a print run."""

import asyncio

from bench import papers
from bench.arrears import main

asyncio.run(main())
papers.main(1000)
