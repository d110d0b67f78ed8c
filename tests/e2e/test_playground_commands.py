"""The `playground` command, as its users run it."""

import json

import pytest

from tests.playground_cloud import COMMAND, Cloud, wait_for


@pytest.mark.usefixtures("nothing_left")
def test_create_list_show_set_delete(cloud: Cloud) -> None:
    # when created
    created = cloud.playground("create", "--type", "bulb", "--name", "lamp", "--attribute", "room=kitchen")
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
    # when set to what the device refuses
    refused = cloud.playground("set", "lamp", "time=soon", check=False)
    # then
    assert refused.returncode == 1
    assert "86400" in refused.stdout + refused.stderr
    # when deleted
    cloud.playground("delete", "lamp")
    # then
    assert cloud.row("lamp")["status"] == "TERMINATED"


@pytest.mark.usefixtures("nothing_left")
def test_several_at_once(cloud: Cloud) -> None:
    # when
    created = cloud.playground("create", "--count", "4")
    # then
    names = sorted(
        item["thing_name"]["S"]
        for item in cloud.client("dynamodb").scan(TableName=cloud.home.output("DeviceCatalogTableName"))["Items"]
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
    said = refused.stdout + refused.stderr
    assert refused.returncode == 1
    assert "thingName" in said
    assert "Traceback" not in said


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
    status, env = cloud.playground("status").stdout, json.loads(cloud.playground("env", "--output", "json").stdout)
    # then
    assert env["AWS_ENDPOINT_URL"] in status
    assert env["IOT_PORT"] in status
    assert cloud.playground("env").stdout.count("export ") == len(env)


def test_a_port_that_is_taken_is_one_clear_sentence(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> None:
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


@pytest.mark.usefixtures("nothing_left")
def test_data_is_for_scripts_and_for_the_tab_key(cloud: Cloud) -> None:
    # given
    made = json.loads(cloud.playground("create", "--name", "scripted", "--output", "json").stdout)
    # then: data, and nothing else, on stdout
    assert made["thingName"] == "scripted"
    names = cloud.playground("list", "--output", "json", "--query", "devices[?status=='ONLINE'].thing_name")
    assert json.loads(names.stdout) == ["scripted"]
    assert cloud.playground("show", "scripted", "--output", "text", "--query", "catalog.status").stdout == "ONLINE\n"
    answered = cloud.playground("set", "scripted", "time=3", "--output", "json", "--query", "answers[].result")
    assert json.loads(answered.stdout) == ["accepted"]
    # and for those who look closer, each call
    assert "dynamodb Scan" in cloud.playground("list", "--debug").stderr
    # and a reader that goes away is no error to tell of
    piped = cloud.run("bash", "-c", f"set -o pipefail; {COMMAND} list --all | (exec true)", check=False)
    assert (piped.returncode, "Traceback" in piped.stderr, "Error" in piped.stderr) in (
        (0, False, False),
        (141, False, False),
    )
    # and bash completes the name, by the script that the command prints
    script = cloud.playground("completion", "bash").stdout
    typed = "COMP_WORDS=(playground show scr) COMP_CWORD=2"
    ask = f"{script}\n{typed}\n_playground_completion {COMMAND}\necho ${{COMPREPLY[@]}}"
    assert cloud.run("bash", "--norc", "-c", ask).stdout.split() == ["scripted"]
    # finally
    gone = cloud.playground("delete", "scripted", "--output", "json")
    assert json.loads(gone.stdout)["thingName"] == "scripted"
    missing = cloud.playground("delete", "nobody", "--output", "json", check=False)
    assert (missing.returncode, missing.stdout) == (4, "")
