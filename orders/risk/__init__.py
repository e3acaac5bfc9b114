"""What keeps losses and accidents small: limits, demand, and the kill switch's automatic triggers.

`models` has the limits, `limits` reads those that hold for an order, `measures` finds what they are
compared with, `rules` compares, `checking` does it all in the moment before an order leaves. `demand`
holds new orders back when too many are asked for, `triggers` presses the kill switch by itself.
"""
