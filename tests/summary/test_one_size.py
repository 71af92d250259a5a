"""One story per action: its size is the same in the table, the list, the scored file and figures."""

from analysis.base.files import read_json, read_table
from analysis.summary.audiences import BY_SCORE, NEW


def test_an_action_has_one_size_wherever_it_is_told(default_run):
    actions = read_table(str(default_run.data / "summary" / "actions.csv")).set_index("key")
    users = read_table(str(default_run.data / "summary" / "user_actions.csv"))
    scored = read_table(str(default_run.data / "scores" / "predictions.csv"))
    metrics = read_json(str(default_run.data / "summary" / "metrics.json"))
    assert BY_SCORE in actions.index
    assert users["user_id"].is_unique
    listed = users.groupby("campaign")["is_holdout"].agg(["size", "sum"])
    assert len(listed) >= 2
    assert NEW not in listed.index
    for key, row in listed.iterrows():
        assert tuple(actions.loc[key, ["size", "held"]]) == (row["size"], row["sum"]), key
    worth = scored.loc[scored["recommended_action"] != "none", "user_id"]
    assert {*worth} == {*users.loc[users["campaign"] == BY_SCORE, "user_id"]}
    assert metrics["flagged_users"]["value"] == len(worth)
    held = {*scored.loc[scored["is_holdout"], "user_id"]}
    assert {*users.loc[users["is_holdout"], "user_id"]} <= held
    assert not {*users.loc[~users["is_holdout"], "user_id"]} & held
