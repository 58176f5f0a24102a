from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiwidgets.engine.serialization.bit_packing import pack_bits, packed_length, unpack_bits
from optiwidgets.engine.serialization.entropy_coder import CODES, POSITIONS, TABLES, Reader, Writer
from optiwidgets.engine.serialization.position_model import (
    BOTH,
    COLUMNS,
    FLAT,
    ROWS,
    adaptive_probabilities,
    counts_above,
    fit_positions,
    read_flags,
    row_probabilities,
)
from optiwidgets.engine.serialization.symbol_models import (
    POWERS,
    SMALL,
    SMALL_BITS,
    TOP,
    categorical,
    uniform,
)
from optiwidgets.engine.serialization.value_model import fit_values, read_values


def generator(seed=0):
    return np.random.default_rng(seed)


def entropy_bits(symbols):
    """Compute the entropy in bits of all symbols together, by definition."""
    _, counts = np.unique(symbols, return_counts=True)
    shares = counts / counts.sum()
    return float(-(counts * np.log2(shares)).sum())


def coded(flags, values=None, bits=8):
    """Encode a layer's flags and values; return the stream, and the bytes of each part."""
    writer = Writer()
    fit_positions(flags).write(writer, flags)
    if values is not None:
        fit_values(values).write(writer, values, bits)
    writer.end_block()
    return writer.finish()


# Several streams together


@given(
    st.integers(1, 8).flatmap(lambda b: st.tuples(st.just(b), st.lists(st.integers(0, 2**b - 1))))
)
def test_codes_of_every_width_come_back(case):
    bits, codes = case
    packed = pack_bits(np.array(codes, np.int16), bits)
    assert len(packed) == packed_length(len(codes), bits) == (len(codes) * bits + 7) // 8
    assert unpack_bits(packed, bits, len(codes)).tolist() == codes


@given(st.integers(1, 8), st.lists(st.integers(0, 255), min_size=1, max_size=30))
def test_codes_are_written_lowest_bit_first_one_after_the_other(bits, codes):
    codes = [code % 2**bits for code in codes]
    number = sum(code << bits * place for place, code in enumerate(codes))
    expected = number.to_bytes(packed_length(len(codes), bits), "little")
    assert pack_bits(np.array(codes), bits) == expected


# The stream


@given(st.lists(st.lists(st.integers(0, 4), max_size=20), max_size=8))
def test_a_stream_is_read_block_by_block_the_last_written_first(blocks):
    writer, model = Writer(), uniform(5)
    for block in blocks:
        for part in CODES, POSITIONS, TABLES:
            writer.put(part, np.array(block, np.int64), model)
        writer.end_block()
    data, spent = writer.finish()
    assert sum(spent.values()) == len(data)
    reader = Reader(data)
    for block in reversed(blocks):
        for _ in spent:
            assert reader.take(len(block), model).tolist() == block
    reader.finish()


def test_a_stream_takes_the_information_of_its_symbols():
    symbols = generator().choice(3, 4000, p=[0.9, 0.07, 0.03])
    writer = Writer()
    writer.put(CODES, symbols, categorical(np.array([0.9, 0.07, 0.03])))
    writer.end_block()
    assert entropy_bits(symbols) / 8 <= len(writer.finish()[0]) <= entropy_bits(symbols) / 8 + 6


def test_an_empty_stream_is_empty():
    assert Writer().finish()[0] == b""
    Reader(b"").finish()


@pytest.mark.parametrize("data", [b"\0", b"\1\0", b"\1\2\3\4\0"])
def test_a_stream_never_ends_in_a_zero_byte(data):
    with pytest.raises(ValueError, match="ends in a zero byte"):
        Reader(data)


def test_what_is_left_of_a_stream_is_noticed():
    reader = Reader(b"\1\2\3\4\5")
    reader.take(2, uniform(9))
    with pytest.raises(ValueError, match="does not match its header"):
        reader.finish()


def test_levels_are_half_octaves_and_what_they_cost_is_what_is_paid():
    exact = 2.0 ** (np.arange(-2 * TOP, 2 * TOP + 1) / 2)
    np.testing.assert_allclose(POWERS, exact, rtol=1e-15)
    assert (2**-SMALL_BITS).sum() == pytest.approx(1)
    assert SMALL_BITS.argmin() == TOP
    assert SMALL_BITS[0] == SMALL_BITS[-1] == SMALL_BITS.max() < 14


# Positions


@given(
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.sampled_from([0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0]),
    st.integers(0, 2**16),
)
def test_positions_come_back(shape, density, seed):
    random = generator(seed)
    flags = random.random(shape) < density * random.random((shape[0], 1)) ** 0.3
    data, _ = coded(flags)
    reader = Reader(data)
    assert np.array_equal(read_flags(reader, shape), flags)
    reader.finish()


def clustered(kind, shape=(60, 110)):
    """Draw flags whose probability varies by row, by column, or both."""
    random = generator(7)
    rows = random.choice([0.02, 0.6], (shape[0], 1)) if kind in (ROWS, BOTH) else 0.2
    columns = random.choice([0.05, 1.5], (1, shape[1])) if kind in (COLUMNS, BOTH) else 1.0
    return random.random(shape) < rows * columns * np.ones(shape)


@pytest.mark.parametrize("kind", [FLAT, ROWS, COLUMNS, BOTH])
def test_odds_are_those_that_fit(kind):
    flags = clustered(kind)
    found = fit_positions(flags)
    data, spent = coded(flags)
    assert found.kind == kind
    assert len(data) == pytest.approx(found.bits / 8, abs=5)
    assert np.array_equal(read_flags(Reader(data), flags.shape), flags)
    order_0 = entropy_bits(flags) / 8
    assert len(data) < order_0 * (1.01 if kind == FLAT else 0.9) + 6
    assert spent[POSITIONS] + spent[TABLES] == len(data)


def test_positions_without_any_pattern_cost_what_the_estimate_says():
    flags = generator(3).random((128, 576)) < 0.1
    assert len(coded(flags)[0]) <= 1.005 * entropy_bits(flags) / 8


@pytest.mark.parametrize("density", [1e-9, 1 - 1e-9])
def test_odds_beyond_all_measure_are_bounded_and_nothing_warns(density):
    level = int(np.clip(2 * np.log2(density / (1 - density)), -TOP, TOP))
    rows = np.array([0, TOP, -TOP])
    above = np.array([[0.0, 1.0], [1e9, 0.0], [1.0, 1e9]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for probabilities in (
            adaptive_probabilities(level, rows, above),
            row_probabilities(level, rows, 2),
        ):
            assert (probabilities > 0).all()
            assert (probabilities < 1).all()


def test_one_row_at_a_time_has_the_probabilities_it_has_among_all():
    flags = clustered(BOTH)
    above, found = counts_above(flags), fit_positions(flags)
    for row in range(len(flags)):
        alone = adaptive_probabilities(
            found.level, found.rows, above[row : row + 1], selected=slice(row, row + 1)
        )
        assert alone.tobytes() == found.probabilities[row].tobytes()


def test_a_row_counts_what_was_on_above_it():
    flags = np.array([[1, 0], [1, 1], [0, 1]], bool)
    assert counts_above(flags).tolist() == [[0, 0], [1, 0], [2, 1]]


# Values


@given(
    st.lists(st.integers(-128, 128).filter(bool), max_size=200),
    st.sampled_from([1, 3, 20]),
)
def test_values_come_back(values, times):
    values = np.array(values * times, np.int64)
    writer, found = Writer(), fit_values(values)
    found.write(writer, values, 8)
    writer.end_block()
    reader = Reader(writer.finish()[0])
    assert read_values(reader, len(values), 8).tolist() == values.tolist()
    reader.finish()


@pytest.mark.parametrize(("bits", "count"), [(8, 30_000), (8, 3000), (4, 1000), (2, 200)])
def test_values_and_their_histogram_cost_little_more_than_their_entropy(bits, count):
    top = 2 ** (bits - 1) - 1
    values = np.rint(generator(5).laplace(0, top / 5, count)).clip(-top, top).astype(np.int64)
    values = values[values != 0]
    writer = Writer()
    fit_values(values).write(writer, values, bits)
    writer.end_block()
    assert len(writer.finish()[0]) <= 1.03 * entropy_bits(values) / 8 + 10


def test_few_values_share_bins_and_many_do_not():
    shifts = []
    for count in (40, 2000, 200_000):
        values = generator(1).integers(1, 256, count)
        shifts.append(fit_values(np.where(values % 2, values, -values)).shift)
    peaked = np.rint(generator(1).normal(0, 20, 200_000)).astype(np.int64)
    assert shifts[0] > 5
    assert fit_values(peaked[peaked != 0]).shift == 0


@pytest.mark.parametrize(
    ("first", "steps"), [(0, [0, 0]), (3, [-4, 0]), (TOP, [1, 0]), (1, [TOP, 3])]
)
def test_a_histogram_that_is_none_is_refused(first, steps):
    writer = Writer()
    writer.put(TABLES, np.array([255, 2]), uniform(512))
    writer.put(TABLES, np.array([0]), uniform(10))
    writer.put(TABLES, np.array([first]), uniform(TOP + 1))
    writer.put(TABLES, np.array(steps) + TOP, SMALL)
    writer.end_block()
    with pytest.raises(ValueError, match="is not valid"):
        read_values(Reader(writer.finish()[0]), 5, 8)


@given(st.binary(max_size=200), st.integers(1, 8), st.integers(1, 9), st.integers(1, 40))
def test_garbage_decodes_to_as_much_as_was_asked_for_or_a_value_error(data, bits, rows, length):
    try:
        reader = Reader(data)
        flags = read_flags(reader, (rows, length))
        values = read_values(reader, int(flags.sum()), bits)
        reader.finish()
    except ValueError:
        return
    assert flags.shape == (rows, length)
    assert len(values) == flags.sum()
