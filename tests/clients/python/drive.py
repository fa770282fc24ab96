"""Drives a running Likeness with the official Python client, azure-ai-vision-face.

Only endpoint and key differ from what a user of the cloud service writes. Arguments: endpoint, key, folder with the
six group photos sample1.jpg .. sample6.jpg. Ends with a line `N passed, N failed` and a matching exit code.
"""

import pathlib
import sys
import traceback
import uuid

from azure.ai.vision.face import FaceAdministrationClient, FaceClient, FaceSessionClient
from azure.ai.vision.face.models import (
    CreateLivenessSessionContent,
    CreateLivenessWithVerifySessionContent,
    FaceAttributeTypeDetection01,
    FaceAttributeTypeRecognition04,
    FaceDetectionModel,
    FaceRecognitionModel,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import shelf  # noqa: E402

ENDPOINT, KEY, PHOTOS = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
SHELF = shelf.serve(PHOTOS)
MODELS = dict(detection_model=FaceDetectionModel.DETECTION01, recognition_model=FaceRecognitionModel.RECOGNITION04)


def photo(number):
    return (PHOTOS / f"sample{number}.jpg").read_bytes()


def address(number):
    return f"{SHELF}/sample{number}.jpg"


def clients(endpoint=ENDPOINT):
    credential = AzureKeyCredential(KEY)
    return FaceClient(endpoint, credential), FaceAdministrationClient(endpoint, credential)


FACES, ADMIN = clients()
SESSIONS = FaceSessionClient(ENDPOINT, AzureKeyCredential(KEY))


def detect(number, **more):
    return FACES.detect(photo(number), **MODELS, return_face_id=True, **more)


def rectangle(face):
    box = face.face_rectangle
    return [box.left, box.top, box.width, box.height]


def refused(status, code, call):
    try:
        call()
    except HttpResponseError as error:
        assert error.status_code == status, f"status {error.status_code}, expected {status}"
        assert error.error.code == code, f"code {error.error.code}, expected {code}"
        return
    raise AssertionError(f"expected {status} {code}, got an answer")


def case_detect():
    counts = [len(FACES.detect(photo(n), **MODELS, return_face_id=False)) for n in range(1, 7)]
    assert counts == [3, 3, 3, 4, 5, 4], counts
    by_address = FACES.detect_from_url(url=address(1), **MODELS, return_face_id=False)
    assert len(by_address) == 3, by_address
    faces = detect(
        1,
        return_face_landmarks=True,
        return_recognition_model=True,
        face_id_time_to_live=120,
        return_face_attributes=[
            FaceAttributeTypeDetection01.HEAD_POSE,
            FaceAttributeTypeDetection01.BLUR,
            FaceAttributeTypeDetection01.EXPOSURE,
            FaceAttributeTypeDetection01.NOISE,
            FaceAttributeTypeDetection01.GLASSES,
            FaceAttributeTypeDetection01.ACCESSORIES,
            FaceAttributeTypeRecognition04.QUALITY_FOR_RECOGNITION,
        ],
    )
    areas = [f.face_rectangle.width * f.face_rectangle.height for f in faces]
    assert areas == sorted(areas, reverse=True), areas
    face = faces[0]
    assert uuid.UUID(face.face_id)
    assert face.recognition_model == FaceRecognitionModel.RECOGNITION04
    assert face.face_landmarks.pupil_left.x < face.face_landmarks.pupil_right.x
    assert face.face_landmarks.nose_tip.y < face.face_landmarks.mouth_left.y
    assert -45 < face.face_attributes.head_pose.yaw < 45
    assert face.face_attributes.blur.blur_level in ("low", "medium", "high")
    assert face.face_attributes.quality_for_recognition in ("low", "medium", "high")
    # Nobody in this photo wears anything.
    worn = [(face.face_attributes.glasses, face.face_attributes.accessories) for face in faces]
    assert worn == [("noGlasses", [])] * 3, worn


def case_endpoint_as_the_portal_shows_it():
    # With a slash at its end this client puts two in front of each path.
    faces, admin = clients(ENDPOINT + "/")
    found = faces.detect(photo(1), **MODELS, return_face_id=False)
    assert len(found) == 3, found
    group, groups = f"slash-{uuid.uuid4()}", admin.large_person_group
    groups.create(group, name="slash", recognition_model=FaceRecognitionModel.RECOGNITION04)
    person = groups.create_person(group, name="somebody")
    groups.add_face(
        group, person.person_id, photo(1), target_face=rectangle(found[0]),
        detection_model=FaceDetectionModel.DETECTION01)
    poller = groups.begin_train(group, polling_interval=0.1)
    poller.wait(timeout=30)
    assert groups.get_training_status(group).status == "succeeded"
    groups.delete(group)


def case_verify():
    first, again = detect(1), detect(1)
    same = FACES.verify_face_to_face(face_id1=first[0].face_id, face_id2=again[0].face_id)
    assert same.is_identical and same.confidence > 0.9, same
    other = FACES.verify_face_to_face(face_id1=first[0].face_id, face_id2=first[1].face_id)
    assert not other.is_identical and other.confidence < 0.5, other


def case_find_similar():
    first, again = detect(2), detect(2)
    found = FACES.find_similar(face_id=first[0].face_id, face_ids=[f.face_id for f in again])
    assert [hit.face_id for hit in found] == [again[0].face_id], found
    everything = FACES.find_similar(
        face_id=first[0].face_id, face_ids=[f.face_id for f in again], mode="matchFace", max_num_of_candidates_returned=2
    )
    assert len(everything) == 2 and everything[0].face_id == again[0].face_id, everything


def case_group():
    first, again = detect(1), detect(1)
    answer = FACES.group(face_ids=[f.face_id for f in first + again])
    expected = {frozenset((a.face_id, b.face_id)) for a, b in zip(first, again)}
    assert {frozenset(group) for group in answer.groups} == expected, answer
    assert answer.messy_group == [], answer
    alone = FACES.group(face_ids=[f.face_id for f in first])
    assert alone.groups == [] and len(alone.messy_group) == 3, alone


def case_large_person_group():
    group = f"sdk-{uuid.uuid4()}"
    groups = ADMIN.large_person_group
    groups.create(group, name="the people of a photo", user_data="made by a test", recognition_model="recognition_04")
    try:
        refused(409, "LargePersonGroupExists", lambda: groups.create(group, name="again"))
        assert groups.get(group, return_recognition_model=True).recognition_model == "recognition_04"
        groups.update(group, name="renamed")
        assert groups.get(group).name == "renamed"
        assert group in [g.large_person_group_id for g in groups.get_large_person_groups()]

        enrolled = {}
        for number, face in enumerate(detect(1)):
            person = groups.create_person(group, name=f"person {number}", user_data=str(number))
            added = groups.add_face(
                group, person.person_id, photo(1), target_face=rectangle(face),
                detection_model=FaceDetectionModel.DETECTION01, user_data="from sample1",
            )
            enrolled[number] = (person.person_id, added.persisted_face_id)
        extra = groups.create_person(group, name="by address")
        groups.add_face_from_url(
            group, extra.person_id, url=address(1), target_face=rectangle(detect(1)[0]),
            detection_model=FaceDetectionModel.DETECTION01)
        groups.delete_person(group, extra.person_id)
        refused(400, "LargePersonGroupNotTrained", lambda: FACES.identify_from_large_person_group(
            face_ids=[detect(1)[0].face_id], large_person_group_id=group))
        refused(404, "LargePersonGroupNotTrained", lambda: groups.get_training_status(group))
        poller = groups.begin_train(group, polling_interval=0.1)
        poller.wait(timeout=30)
        assert poller.done()
        assert groups.get_training_status(group).status == "succeeded"

        probes = detect(1)
        answers = FACES.identify_from_large_person_group(
            face_ids=[f.face_id for f in probes], large_person_group_id=group, max_num_of_candidates_returned=3)
        for number, answer in enumerate(answers):
            assert answer.face_id == probes[number].face_id
            assert [c.person_id for c in answer.candidates] == [enrolled[number][0]], answer
        strangers = detect(5)
        answers = FACES.identify_from_large_person_group(
            face_ids=[f.face_id for f in strangers], large_person_group_id=group)
        assert all(answer.candidates == [] for answer in answers), answers

        verdict = FACES.verify_from_large_person_group(
            face_id=probes[1].face_id, large_person_group_id=group, person_id=enrolled[1][0])
        assert verdict.is_identical, verdict
        verdict = FACES.verify_from_large_person_group(
            face_id=probes[1].face_id, large_person_group_id=group, person_id=enrolled[0][0])
        assert not verdict.is_identical, verdict

        person_id, face_id = enrolled[0]
        person = groups.get_person(group, person_id)
        assert person.persisted_face_ids == [face_id] and person.user_data == "0", person
        groups.update_person(group, person_id, name="somebody else")
        groups.update_face(group, person_id, face_id, user_data="changed")
        assert groups.get_face(group, person_id, face_id).user_data == "changed"
        assert len(groups.get_persons(group, top=2)) == 2
        groups.delete_face(group, person_id, face_id)
        refused(404, "PersistedFaceNotFound", lambda: groups.get_face(group, person_id, face_id))
        gone = FACES.identify_from_large_person_group(face_ids=[probes[0].face_id], large_person_group_id=group)
        assert gone[0].candidates == [], gone
        groups.delete_person(group, person_id)
        refused(404, "PersonNotFound", lambda: groups.get_person(group, person_id))
    finally:
        groups.delete(group)
    refused(404, "LargePersonGroupNotFound", lambda: groups.get(group))


def case_large_face_list():
    name = f"sdk-{uuid.uuid4()}"
    lists = ADMIN.large_face_list
    lists.create(name, name="faces", recognition_model="recognition_04")
    try:
        ids = [lists.add_face(name, photo(4), target_face=rectangle(f), user_data="x").persisted_face_id for f in detect(4)]
        assert sorted(face.persisted_face_id for face in lists.get_faces(name)) == sorted(ids)
        assert name in [entry.large_face_list_id for entry in lists.get_large_face_lists()]
        kept = lists.add_face_from_url(name, url=address(5), target_face=rectangle(detect(5)[0]))
        lists.delete_face(name, kept.persisted_face_id)
        lists.begin_train(name, polling_interval=0.1).wait(timeout=30)
        probe = detect(4)[2].face_id
        found = FACES.find_similar_from_large_face_list(face_id=probe, large_face_list_id=name)
        assert [hit.persisted_face_id for hit in found] == [ids[2]], found
        lists.update_face(name, ids[0], user_data="y")
        assert lists.get_face(name, ids[0]).user_data == "y"
        lists.delete_face(name, ids[2])
        assert FACES.find_similar_from_large_face_list(face_id=probe, large_face_list_id=name) == []
    finally:
        lists.delete(name)


def case_liveness_sessions():
    asked = CreateLivenessSessionContent(
        liveness_operation_mode="PassiveActive",
        device_correlation_id=str(uuid.uuid4()),
        send_results_to_client=False,
        auth_token_time_to_live_in_seconds=60,
    )
    made = SESSIONS.create_liveness_session(asked)
    assert made.auth_token.count(".") == 2
    try:
        told = SESSIONS.get_liveness_session_result(made.session_id)
        assert (told.id, told.status, told.session_expired) == (made.session_id, "NotStarted", False), told
        assert told.auth_token_time_to_live_in_seconds == 60 and told.result is None
        assert made.session_id in [item.id for item in SESSIONS.get_liveness_sessions()]
        assert list(SESSIONS.get_liveness_session_audit_entries(made.session_id)) == []
    finally:
        SESSIONS.delete_liveness_session(made.session_id)
    refused(404, "SessionNotFound", lambda: SESSIONS.get_liveness_session_result(made.session_id))
    bad = CreateLivenessSessionContent(liveness_operation_mode="Passive")
    refused(400, "InvalidDeviceCorrelationId", lambda: SESSIONS.create_liveness_session(bad))


def case_liveness_with_verify_sessions():
    asked = CreateLivenessWithVerifySessionContent(
        liveness_operation_mode="Passive", device_correlation_id_set_in_client=True, return_verify_image_hash=True
    )
    made = SESSIONS.create_liveness_with_verify_session(asked, verify_image=None)
    try:
        told = SESSIONS.get_liveness_with_verify_session_result(made.session_id)
        assert (told.id, told.status) == (made.session_id, "NotStarted"), told
        assert made.session_id in [item.id for item in SESSIONS.get_liveness_with_verify_sessions()]
        assert list(SESSIONS.get_liveness_with_verify_session_audit_entries(made.session_id)) == []
    finally:
        SESSIONS.delete_liveness_with_verify_session(made.session_id)
    refused(404, "SessionNotFound", lambda: SESSIONS.get_liveness_with_verify_session_result(made.session_id))
    # The picture arrives, and a group is no reference.
    refused(400, "InvalidImage", lambda: SESSIONS.create_liveness_with_verify_session(asked, verify_image=photo(1)))
    refused(404, "SessionImageNotFound", lambda: b"".join(SESSIONS.get_session_image("x" * 43)))


def case_refusals():
    refused(400, "InvalidImageSize", lambda: FACES.detect(b"x" * 100, **MODELS, return_face_id=False))
    refused(400, "InvalidImage", lambda: FACES.detect(b"x" * 5000, **MODELS, return_face_id=False))
    refused(404, "FaceNotFound", lambda: FACES.verify_face_to_face(face_id1=str(uuid.uuid4()), face_id2=str(uuid.uuid4())))
    try:
        FaceClient(ENDPOINT, AzureKeyCredential("wrong")).detect(photo(1), **MODELS, return_face_id=False)
        raise AssertionError("a wrong key was accepted")
    except ClientAuthenticationError as error:
        assert error.status_code == 401
    try:
        ADMIN.large_person_group.get("no-such-group")
        raise AssertionError("a missing group was found")
    except ResourceNotFoundError as error:
        assert error.error.code == "LargePersonGroupNotFound"


def main():
    failed = 0
    cases = [value for name, value in sorted(globals().items()) if name.startswith("case_")]
    for case in cases:
        try:
            case()
            print(f"ok      python {case.__name__}")
        except Exception:
            failed += 1
            print(f"FAILED  python {case.__name__}")
            traceback.print_exc()
    print(f"{len(cases) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
