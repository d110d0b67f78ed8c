"""The `playground` command, as its users run it."""

import json
import shlex

import pytest

from playground.home.paths import Paths
from playground.local import wheels
from tests.playground_cloud import COMMAND, Cloud, wait_for


@pytest.mark.usefixtures("nothing_left")
def test_create_list_show_set_delete(cloud: Cloud) -> None:
    # when created
    created = cloud.playground(
        "create", "--type", "bulb", "--name", "lamp", "--attribute", "room=kitchen"
    )
    # then
    assert "CreateCertificate" in created.stdout + created.stderr
    assert "lamp" in created.stdout
    assert "lamp" in cloud.playground("list").stdout
    shown = cloud.playground("show", "lamp").stdout
    assert "ONLINE" in shown
    assert "task_token" not in shown
    # when set
    done = cloud.playground("set", "lamp", "time=2", "status=on")
    # then
    assert "time = 2" in done.stdout
    assert cloud.shadow("lamp")["reported"]["status"] == "on"
    # when set to what the shadow holds in another form than it was typed
    for wish in ('payload={"t":21.5,"door":null}', "payload=null", "time=10.0"):
        cloud.playground("set", "lamp", wish)
    # when set to what the device refuses, and shows no more than the beginning of
    for wish, rule in (
        ("time=soon", "86400"),
        ("unit=" + "x" * 500, "imperial"),
        ('unit={"a":{"b":{}}}', "imperial"),
    ):
        refused = cloud.playground("set", "lamp", wish, check=False)
        # then
        assert refused.returncode == 1
        assert rule in refused.stdout + refused.stderr
    # when set to what only Python takes for the same: a value that drops the connection comes
    # last, since a device that is not online is not waited for
    for wish in ("reconnect=true", "reconnect=1"):
        cloud.playground("set", "lamp", wish)
    # then
    wait_for(
        "1 to be reported, which is not true",
        lambda: cloud.shadow("lamp")["reported"]["reconnect"] is not True,
    )
    # when deleted
    cloud.playground("delete", "lamp")
    # then
    assert cloud.row("lamp")["status"] == "TERMINATED"


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_several_at_once(cloud: Cloud) -> None:
    # when
    created = cloud.playground("create", "--count", "4")
    # then
    names = sorted(
        item["thing_name"]["S"]
        for item in cloud.client("dynamodb").scan(
            TableName=cloud.home.output("DeviceCatalogTableName")
        )["Items"]
        if item["status"]["S"] == "ONLINE"
    )
    assert len(names) == 4
    assert all(name in created.stdout for name in names)
    # finally
    cloud.playground("delete", *names)


@pytest.mark.usefixtures("nothing_left")
def test_a_refused_creation_says_why_without_a_traceback(cloud: Cloud) -> None:
    # when
    refused = cloud.playground("create", "--name", "no spaces", check=False)
    # then
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "thingName: must match" in refused.stderr
    assert "Traceback" not in refused.stderr
    # and the workflow says the same to who asks it himself
    asked = cloud.provision({"thingName": "no spaces"})
    assert (asked.status, asked.error) == ("FAILED", "InvalidInput")
    assert refused.stderr.strip().removesuffix(".") in asked.cause


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_what_people_type_first(cloud: Cloud) -> None:
    # given a device whose name looks like an option
    cloud.playground("create", "--type", "bulb", "--attribute", "room=kitchen", "--", "-x")
    # then every word for looking at it finds it
    for words in (("show",), ("describe",), ("settings",)):
        assert "dt/playground/-x/telemetry" in cloud.playground(*words, "--", "-x").stdout
    for status, names in (("online", ["-x"]), ("Offline", [])):
        found = cloud.playground("list", "--status", status, "--output", "json")
        assert [row["thing_name"] for row in json.loads(found.stdout)["devices"]] == names
    assert "--: `playground show -- -x`" in cloud.playground("show", "-x", check=False).stderr
    # when a setting is wished for that there isn't
    refused = cloud.playground("set", "-x", "colour=red", "time=2", check=False)
    # then nothing is written
    assert refused.returncode == 2
    assert "colour: is not a setting of a bulb device" in refused.stderr
    assert cloud.shadow("-x")["desired"].keys().isdisjoint({"colour"})
    # when it gets there all the same
    cloud.desire("-x", colour="red")
    wait_for("its refusal", lambda: "colour" in cloud.shadow("-x")["reported"].get("rejected", {}))
    # then it can be taken out
    assert "colour removed" in cloud.playground("unset", "--", "-x", "colour").stdout
    assert "colour" not in cloud.shadow("-x")["desired"]
    assert "rejected" not in cloud.shadow("-x")["reported"]
    # when the device refuses a value
    refused = cloud.playground("set", "-x", "time=0", check=False)
    # then the command that is told takes it out
    assert refused.returncode == 1
    told = refused.stderr.partition("`playground ")[2].partition("`")[0]
    assert "time removed" in cloud.playground(*shlex.split(told)).stdout
    # finally
    cloud.playground("delete", "--", "-x")


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_everything_survives_down_and_up(cloud: Cloud) -> None:
    # given
    made = cloud.provision({"thingName": "survivor"}).output
    cloud.desire("survivor", time=7)
    cloud.wait_until_reported("survivor", time=7)
    # when
    cloud.playground("down")
    cloud.playground("up", timeout=120)
    # then: the same certificate, a new connection, the settings in force
    wait_for("the device to be online", lambda: cloud.row("survivor")["status"] == "ONLINE")
    assert cloud.row("survivor")["certificate_id"] == made["certificateId"]
    cloud.desire("survivor", time=8)
    cloud.wait_until_reported("survivor", time=8)
    # finally
    assert cloud.deprovision("survivor").status == "SUCCEEDED"


def test_status_and_env_name_the_ports_in_use(cloud: Cloud) -> None:
    # when
    status, env = (
        cloud.playground("status").stdout,
        json.loads(cloud.playground("env", "--output", "json").stdout),
    )
    # then
    assert env["AWS_ENDPOINT_URL"] in status
    assert env["IOT_PORT"] in status
    assert cloud.playground("env").stdout.count("export ") == len(env)


@pytest.mark.thorough
def test_a_port_that_is_taken_is_one_clear_sentence(
    cloud: Cloud, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # given: the ports of the cloud that is up
    env = json.loads(cloud.playground("env", "--output", "json").stdout)
    port = env["AWS_ENDPOINT_URL"].rpartition(":")[2]
    other = {**cloud.environment, "PLAYGROUND_DIR": str(tmp_path_factory.mktemp("other") / "home")}
    # when
    refused = Cloud(cloud.folder, other).playground("up", "--port", port, check=False)
    # then
    assert refused.returncode == 1
    assert port in refused.stderr + refused.stdout
    assert "--port" in refused.stderr + refused.stdout
    assert "Traceback" not in refused.stderr + refused.stdout


@pytest.mark.thorough
@pytest.mark.usefixtures("nothing_left")
def test_data_is_for_scripts_and_for_the_tab_key(cloud: Cloud) -> None:
    # given
    made = json.loads(cloud.playground("create", "--name", "scripted", "--output", "json").stdout)
    # then: data, and nothing else, on stdout
    assert made["thingName"] == "scripted"
    names = cloud.playground(
        "list", "--output", "json", "--query", "devices[?status=='ONLINE'].thing_name"
    )
    assert json.loads(names.stdout) == ["scripted"]
    assert (
        cloud.playground("show", "scripted", "--output", "text", "--query", "catalog.status").stdout
        == "ONLINE\n"
    )
    answered = cloud.playground(
        "set", "scripted", "time=3", "--output", "json", "--query", "answers[].result"
    )
    assert json.loads(answered.stdout) == ["accepted"]
    # and for those who look closer, each call
    assert "dynamodb Scan" in cloud.playground("list", "--debug").stderr
    # and a reader that goes away is no error to tell of
    listing = f"{shlex.quote(str(COMMAND))} list --all"
    piped = cloud.run("bash", "-c", f"set -o pipefail; {listing} | (exec true)", check=False)
    assert (piped.returncode, "Traceback" in piped.stderr, "Error" in piped.stderr) in (
        (0, False, False),
        (141, False, False),
    )
    # and bash completes the name, by the script that the command prints
    script = cloud.playground("completion", "bash").stdout
    typed = "COMP_WORDS=(playground show scr) COMP_CWORD=2"
    ask = (
        f"{script}\n{typed}\n_playground_completion {shlex.quote(str(COMMAND))}\necho "
        f"${{COMPREPLY[@]}}"
    )
    assert cloud.run("bash", "--norc", "-c", ask).stdout.split() == ["scripted"]
    # finally
    gone = cloud.playground("delete", "scripted", "--output", "json")
    assert json.loads(gone.stdout)["thingName"] == "scripted"
    missing = cloud.playground("delete", "nobody", "--output", "json", check=False)
    assert (missing.returncode, missing.stdout) == (4, "")


@pytest.mark.usefixtures("cloud")
def test_every_package_of_the_functions_is_the_same_on_every_system() -> None:
    """The wheels are fetched once for each lock, for whatever Python builds with them."""
    packages = [path.name for path in wheels.folder(Paths.here()).glob("*.whl")]
    assert packages != []
    assert [name for name in packages if not name.endswith("-none-any.whl")] == []
