"""What was probably meant: the listed word that is nearest to one that finds nothing.

Postgres finds words that share trigrams, by an index; which of them is nearest is then counted in
letters changed, left out, added or swapped. GLOD and GOLD share hardly a trigram, so a short word
is also looked up with each two neighbours swapped.
"""

from django.db import connection, transaction

from orders.instruments.words import is_month, is_number

SHORTEST = 3
CANDIDATES = 200
SHARED = "0.3"  # of the trigrams
LONGEST_SWAPPED = 7  # letters; in longer words enough trigrams are left

NEAR = """
SELECT word FROM orders_instrument CROSS JOIN LATERAL unnest(string_to_array(words, ' ')) AS word
WHERE master = %s AND is_active AND (expiry IS NULL OR kind = 'FUT') AND words %%> %s
GROUP BY word ORDER BY max(similarity(word, %s)) DESC, bool_or(has_contracts) DESC, word LIMIT %s
"""
LISTED = """
SELECT word FROM orders_instrument CROSS JOIN LATERAL unnest(string_to_array(words, ' ')) AS word
WHERE master = %s AND is_active AND expiry IS NULL
    AND array_to_tsvector(string_to_array(words, ' ')) @@ %s::tsquery AND word = ANY(%s)
UNION SELECT family FROM orders_instrument
WHERE master = %s AND is_active AND expiry IS NOT NULL AND family = ANY(%s)
"""


def corrected(words: list[str], master: str) -> list[str]:
    """Put the nearest listed word in the place of each that is none."""
    return [correct(word, master) for word in words]


def correct(word: str, master: str) -> str:
    if len(word) < SHORTEST or is_number(word) or is_month(word):
        return word
    near = near_words(word, master)
    if any(other.startswith(word) for other in near):
        return word
    slipped = [(count, other) for other in near if (count := away(word, other)) is not None]
    # The first of equals: Postgres has put those that share more, and those with contracts, in front.
    return min(slipped, key=lambda one: one[0])[1] if slipped else word


def near_words(word: str, master: str) -> list[str]:
    """Find listed words that look a little like this one."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, true)", [SHARED])
        cursor.execute(NEAR, [master, word, word, CANDIDATES])
        near = cursor.fetchall()
        if ways := swapped(word):
            lexemes = " | ".join(f"'{way}'" for way in ways)
            cursor.execute(LISTED, [master, lexemes, ways, master, ways])
            near = [*cursor.fetchall(), *near]
        return [found for (found,) in near]


def swapped(word: str) -> list[str]:
    """Write a short word with each two neighbours swapped."""
    if len(word) > LONGEST_SWAPPED:
        return []
    ways = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
    return [way for way in dict.fromkeys(ways) if way != word]


def away(word: str, other: str) -> float | None:
    """Tell how many slips lie between them, where so few that one was meant; a beginning counts half more."""
    most = 1 if len(word) <= 5 else 2
    begun = slips(word, other[: len(word)]) + 0.5
    nearest = min(slips(word, other), begun if len(word) > SHORTEST else 99)
    return nearest if nearest <= most + 0.5 else None


def slips(word: str, other: str) -> int:
    """Count letters changed, left out, added, or swapped with their neighbour."""
    if abs(len(word) - len(other)) > 3:
        return 99
    before: list[int] = []
    row = list(range(len(other) + 1))
    for down, mine in enumerate(word, 1):
        before, last, row = row, before, [down]
        for across, theirs in enumerate(other, 1):
            changed = before[across - 1] + (mine != theirs)
            cost = min(before[across] + 1, row[across - 1] + 1, changed)
            if down > 1 and across > 1 and word[down - 2] == theirs and mine == other[across - 2]:
                cost = min(cost, last[across - 2] + 1)
            row.append(cost)
    return row[-1]
