"""Drives a running Likeness with the classic client of v1.0, azure-cognitiveservices-vision-face.

It was last released in 2022 and much is still written against it. Only endpoint and key differ from what its samples say.
Arguments: endpoint, key, folder with the six group photos. Ends with a line `N passed, N failed` and a matching exit code.
"""

import io
import pathlib
import sys
import time
import traceback
import uuid

from azure.cognitiveservices.vision.face import FaceClient
from azure.cognitiveservices.vision.face.models import APIErrorException, GlassesType, TrainingStatusType
from msrest.authentication import CognitiveServicesCredentials

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import shelf  # noqa: E402

ENDPOINT, KEY, PHOTOS = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
SHELF = shelf.serve(PHOTOS)
CLIENT = FaceClient(ENDPOINT, CognitiveServicesCredentials(KEY))
MODEL = "recognition_04"


def photo(number):
    return open(PHOTOS / f"sample{number}.jpg", "rb")


def address(number):
    return f"{SHELF}/sample{number}.jpg"


def detect(number, **more):
    return CLIENT.face.detect_with_stream(photo(number), recognition_model=MODEL, **more)


def box(face):
    rect = face.face_rectangle
    return [rect.left, rect.top, rect.width, rect.height]


def refused(status, code, call):
    try:
        call()
    except APIErrorException as error:
        assert error.response.status_code == status, f"status {error.response.status_code}, expected {status}"
        assert error.error.error.code == code, f"code {error.error.error.code}, expected {code}"
        return
    raise AssertionError(f"expected {status} {code}, got an answer")


def trained(operations, name):
    operations.train(name)
    for _ in range(300):
        status = operations.get_training_status(name)
        if status.status in (TrainingStatusType.succeeded, TrainingStatusType.failed):
            return status
        time.sleep(0.1)
    raise AssertionError("the training did not end")


def case_detect():
    faces = detect(5, return_face_landmarks=True, return_recognition_model=True, return_face_attributes=["headPose", "blur", "noise", "glasses"])
    assert len(faces) == 5, faces
    assert len(CLIENT.face.detect_with_url(address(5), return_face_id=False)) == 5
    assert faces[0].recognition_model == MODEL
    assert faces[0].face_landmarks.pupil_left.x < faces[0].face_landmarks.pupil_right.x
    assert str(faces[0].face_attributes.blur.blur_level).lower().endswith(("low", "medium", "high"))
    # Nobody in this photo wears glasses.
    glasses = [face.face_attributes.glasses for face in faces]
    assert glasses == [GlassesType.no_glasses] * 5, glasses
    refused(400, "InvalidImage", lambda: CLIENT.face.detect_with_stream(io.BytesIO(b"x" * 4096)))


def case_verify_group_similar():
    first, again = detect(1), detect(1)
    assert CLIENT.face.verify_face_to_face(first[0].face_id, again[0].face_id).is_identical
    assert not CLIENT.face.verify_face_to_face(first[0].face_id, first[1].face_id).is_identical
    answer = CLIENT.face.group([face.face_id for face in first + again])
    assert len(answer.groups) == 3 and answer.messy_group == [], answer
    hits = CLIENT.face.find_similar(first[0].face_id, face_ids=[face.face_id for face in again])
    assert [hit.face_id for hit in hits] == [again[0].face_id], hits
    refused(404, "FaceNotFound", lambda: CLIENT.face.verify_face_to_face(str(uuid.uuid4()), str(uuid.uuid4())))


def groups(operations, persons, kind, scope, identify):
    name = f"classic-{uuid.uuid4()}"
    operations.create(name, name="people", user_data="made by a test", recognition_model=MODEL)
    try:
        refused(409, f"{kind}Exists", lambda: operations.create(name, name="again"))
        refused(404, f"{kind}NotTrained", lambda: operations.get_training_status(name))
        assert operations.get(name, return_recognition_model=True).recognition_model == MODEL
        operations.update(name, name="renamed")
        assert operations.get(name).name == "renamed"
        assert name in [getattr(group, "person_group_id", None) or group.large_person_group_id for group in operations.list()]
        enrolled = []
        for number, face in enumerate(detect(4)):
            person = persons.create(name, name=f"person {number}", user_data=str(number))
            kept = persons.add_face_from_stream(name, person.person_id, photo(4), user_data="face", target_face=box(face))
            enrolled.append((person.person_id, kept.persisted_face_id))
        assert trained(operations, name).status == TrainingStatusType.succeeded
        probes = detect(4)
        answers = identify([face.face_id for face in probes], name)
        for answer, (person, _) in zip(answers, enrolled):
            assert [candidate.person_id for candidate in answer.candidates] == [person], answer
        person, face = enrolled[2]
        verdict = CLIENT.face.verify_face_to_person(probes[2].face_id, person, **{scope: name})
        assert verdict.is_identical, verdict
        extra = persons.create(name, name="by address")
        persons.add_face_from_url(name, extra.person_id, address(4), target_face=box(detect(4)[0]))
        persons.delete(name, extra.person_id)
        assert persons.get(name, person).persisted_face_ids == [face]
        persons.update_face(name, person, face, user_data="changed")
        assert persons.get_face(name, person, face).user_data == "changed"
        persons.update(name, person, name="somebody else")
        assert persons.get(name, person).name == "somebody else"
        persons.delete_face(name, person, face)
        refused(404, "PersistedFaceNotFound", lambda: persons.get_face(name, person, face))
        persons.delete(name, person)
        assert len(persons.list(name)) == 3
        assert identify([probes[2].face_id], name)[0].candidates == []
    finally:
        operations.delete(name)
    refused(404, f"{kind}NotFound", lambda: operations.get(name))


def case_person_group():
    groups(CLIENT.person_group, CLIENT.person_group_person, "PersonGroup", "person_group_id",
           lambda faces, name: CLIENT.face.identify(faces, person_group_id=name))


def case_large_person_group():
    groups(CLIENT.large_person_group, CLIENT.large_person_group_person, "LargePersonGroup", "large_person_group_id",
           lambda faces, name: CLIENT.face.identify(faces, large_person_group_id=name))


def lists(operations, kind, similar, is_large):
    name = f"classic-{uuid.uuid4()}"
    operations.create(name, name="faces", recognition_model=MODEL)
    try:
        kept = [operations.add_face_from_stream(name, photo(2), target_face=box(face)).persisted_face_id for face in detect(2)]
        if is_large:
            assert trained(operations, name).status == TrainingStatusType.succeeded
            assert sorted(face.persisted_face_id for face in operations.list_faces(name)) == sorted(kept)
        else:
            assert sorted(face.persisted_face_id for face in operations.get(name).persisted_faces) == sorted(kept)
        other = operations.add_face_from_url(name, address(3), target_face=box(detect(3)[0]))
        operations.delete_face(name, other.persisted_face_id)
        probe = detect(2)[1].face_id
        assert [hit.persisted_face_id for hit in similar(probe, name)] == [kept[1]]
        operations.delete_face(name, kept[1])
        assert similar(probe, name) == []
        operations.update(name, name="renamed")
        assert operations.get(name).name == "renamed"
    finally:
        operations.delete(name)
    refused(404, f"{kind}NotFound", lambda: operations.get(name))


def case_face_list():
    lists(CLIENT.face_list, "FaceList", lambda face, name: CLIENT.face.find_similar(face, face_list_id=name), False)


def case_large_face_list():
    lists(CLIENT.large_face_list, "LargeFaceList",
          lambda face, name: CLIENT.face.find_similar(face, large_face_list_id=name), True)


def case_snapshots_of_nobody():
    # Which accounts there are is told at the command line only, so that what is there is seen in our own tests.
    assert CLIENT.snapshot.list() == []
    name = f"classic-{uuid.uuid4()}"
    CLIENT.face_list.create(name, name="faces")
    try:
        refused(400, "BadArgument", lambda: CLIENT.snapshot.take("FaceList", name, [str(uuid.uuid4())]))
    finally:
        CLIENT.face_list.delete(name)
    for call in [
        lambda missing: CLIENT.snapshot.get(missing),
        lambda missing: CLIENT.snapshot.update(missing, user_data="x"),
        lambda missing: CLIENT.snapshot.delete(missing),
        lambda missing: CLIENT.snapshot.apply(missing, "copy"),
    ]:
        refused(404, "SnapshotNotFound", lambda: call(str(uuid.uuid4())))
    refused(404, "OperationNotFound", lambda: CLIENT.snapshot.get_operation_status(str(uuid.uuid4())))


def main():
    passed = failed = 0
    for name, case in sorted(globals().items()):
        if not name.startswith("case_"):
            continue
        try:
            case()
            passed += 1
        except Exception:
            failed += 1
            print(f"FAILED {name}")
            traceback.print_exc()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
