#!/usr/bin/env python3
"""Train and evaluate one classifier on the Iris data.

Python 3.8 or newer, standard library only. The settings are in params.json; the outcome is written to mlmm.json.
"""

import argparse
import csv
import hashlib
import json
import math
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = ("logistic", "knn")


def total(values):
    # sum() adds floats in another way since Python 3.12; fsum gives the same digits everywhere.
    return math.fsum(values)


def read_rows(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    features = [name for name in rows[0] if name != "species"]
    return features, [([float(row[name]) for name in features], row["species"]) for row in rows]


def split(rows, test_share, seed):
    """The same share of every species goes to the test set."""
    rng = random.Random(seed)
    train, test = [], []
    for species in sorted({label for _, label in rows}):
        members = [row for row in rows if row[1] == species]
        rng.shuffle(members)
        count = round(len(members) * test_share)
        test += members[:count]
        train += members[count:]
    rng.shuffle(train)
    return train, test


def standardise(train, test, columns):
    """Only the training rows decide the scale."""
    scales = []
    for column in range(columns):
        values = [x[column] for x, _ in train]
        mean = total(values) / len(values)
        deviation = math.sqrt(total((value - mean) ** 2 for value in values) / len(values))
        scales.append((mean, deviation))

    def apply(rows):
        return [([(v - mean) / deviation for v, (mean, deviation) in zip(x, scales)], y) for x, y in rows]

    return apply(train), apply(test)


def softmax(scores):
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    whole = total(powers)
    return [power / whole for power in powers]


def fit_logistic(train, labels, learning_rate, epochs, l2):
    """Multinomial logistic regression by full-batch gradient descent; also gives the training loss over the epochs."""
    width = len(train[0][0]) + 1
    rows = [(x + [1.0], labels.index(y)) for x, y in train]
    weights = [[0.0] * width for _ in labels]
    curve = []

    def predict(x):
        return softmax([total(w * v for w, v in zip(row, x + [1.0])) for row in weights])

    for epoch in range(epochs + 1):
        chances = [predict(x[:-1]) for x, _ in rows]
        loss = -total(math.log(chance[y]) for chance, (_, y) in zip(chances, rows)) / len(rows)
        if epoch % max(1, epochs // 20) == 0 or epoch == epochs:
            curve.append([epoch, rounded(loss)])
        for k, row in enumerate(weights):
            errors = [chance[k] - (y == k) for chance, (_, y) in zip(chances, rows)]
            for j in range(width):
                slope = total(error * x[j] for error, (x, _) in zip(errors, rows)) / len(rows)
                row[j] -= learning_rate * (slope + (l2 * row[j] if j < width - 1 else 0.0))
    return predict, curve


def fit_knn(train, labels, k, weights):
    """k-nearest neighbours; the curve is the leave-one-out loss on the training rows for 1 … 2k neighbours."""

    def chances(x, rows, count):
        nearest = sorted((total((a - b) ** 2 for a, b in zip(x, other)), y) for other, y in rows)[:count]
        votes = {label: 0.5 for label in labels}
        for distance, label in nearest:
            votes[label] += 1.0 if weights == "uniform" else 1.0 / (0.1 + math.sqrt(distance))
        whole = total(votes.values())
        return [votes[label] / whole for label in labels]

    def predict(x):
        return chances(x, train, k)

    curve = []
    for count in range(1, 2 * k + 1, max(1, k // 5)):
        losses = []
        for index, (x, y) in enumerate(train):
            others = train[:index] + train[index + 1 :]
            losses.append(-math.log(chances(x, others, count)[labels.index(y)]))
        curve.append([count, rounded(total(losses) / len(losses))])
    return predict, curve


def evaluate(predict, rows, labels):
    chances = [predict(x) for x, _ in rows]
    truth = [labels.index(y) for _, y in rows]
    guesses = [chance.index(max(chance)) for chance in chances]
    f1 = []
    for k in range(len(labels)):
        hits = total(g == k and y == k for g, y in zip(guesses, truth))
        f1.append(2 * hits / (guesses.count(k) + truth.count(k)))
    right = total(g == y for g, y in zip(guesses, truth))
    return {
        "accuracy": rounded(right / len(rows)),
        "f1_macro": rounded(total(f1) / len(f1)),
        "loss": rounded(-total(math.log(chance[y]) for chance, y in zip(chances, truth)) / len(rows)),
        "errors": float(len(rows) - right),
    }


def rounded(value):
    # The last digits of exp and log belong to the C library, not to the model.
    return round(value, 6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", choices=MODELS, default=os.environ.get("MLMM_MODEL", MODELS[0]))
    parser.add_argument("--data", default=os.path.join(HERE, "iris.csv"), help="CSV file with a column species")
    parser.add_argument("--params", default=os.path.join(HERE, "params.json"), help="settings of both models")
    parser.add_argument("--out", default="mlmm.json", help="where to write the outcome")
    options = parser.parse_args()
    if options.model not in MODELS:
        parser.error("MLMM_MODEL is %r, it must be one of: %s" % (options.model, ", ".join(MODELS)))

    with open(options.params) as file:
        params = json.load(file)
    hyperparameters = params[options.model]
    features, rows = read_rows(options.data)
    train, test = split(rows, params["split"]["test_share"], params["split"]["seed"])
    labels = sorted({label for _, label in rows})
    scaled_train, scaled_test = standardise(train, test, len(features))

    fit = fit_logistic if options.model == "logistic" else fit_knn
    predict, curve = fit(scaled_train, labels, **hyperparameters)
    results = evaluate(predict, scaled_test, labels)

    with open(options.data, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    outcome = {
        "models": [
            {
                "name": options.model,
                "dataset": "iris",
                "parameters": {
                    "rows": len(rows),
                    "features": features,
                    "split_seed": params["split"]["seed"],
                    "test_share": params["split"]["test_share"],
                },
                "hyperparameters": hyperparameters,
                "results": results,
                "curves": {"loss": curve},
                "dataset_digest": "sha256:" + digest,
                "test_size": len(test),
            }
        ]
    }
    with open(options.out, "w") as file:
        json.dump(outcome, file, indent=2)
        file.write("\n")

    settings = ", ".join("%s=%s" % pair for pair in sorted(hyperparameters.items()))
    print("%s on iris (%s): trained on %d rows, tested on %d" % (options.model, settings, len(train), len(test)))
    print("accuracy %.3f, f1_macro %.3f, loss %.4f" % tuple(results[n] for n in ("accuracy", "f1_macro", "loss")))


if __name__ == "__main__":
    main()
