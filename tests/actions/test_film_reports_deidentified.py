"""
A film that tells everything of its patient, the whole way to every file that is written of it.

- the hostile file fills every attribute of ``PROFILE`` that an X-ray may have, private elements, overlays and
  curves, with words, UIDs, dates and numbers that are found wherever they go
- the way is that of the app: bytes, reading, kept case, exports, report, and every document of it
"""

import base64
import contextlib
import io
import json
import logging
import re
import zlib
from datetime import UTC, datetime

import numpy as np
import pydicom
import pypdfium2
import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.support.brief import MODEL
from tests.support.dicoms import dataset, written
from tests.support.film_reports import a_heatmap
from tests.support.films import grey
from tests.support.privacy import everywhere
from xraylab import actions
from xraylab.imaging import Film
from xraylab.reading.read import read_film

pytest_plugins = ["tests.support.trained"]

# What the Basic Profile does to attributes that an X-ray or a Secondary Capture may have: DICOM PS3.15, Table
# E.1-1. X is removed, Z emptied, D replaced by a dummy, U by a new UID; of several, a type 2 attribute is
# emptied and a type 1 attribute gets the dummy.
PROFILE = {
    "Z": """
        AccessionNumber ClinicalTrialCoordinatingCenterName ClinicalTrialProtocolName ClinicalTrialSiteID
        ClinicalTrialSiteName ClinicalTrialTimePointID ConsultingPhysicianName
        FillerOrderNumberImagingServiceRequest PatientBirthDate PatientName PatientSex
        PlacerOrderNumberImagingServiceRequest ReferringPhysicianName StudyDate StudyID StudyTime
    """,
    "Z/D": "ContentCreatorName ContentDate ContentTime ContrastBolusAgent PatientID",
    "X/Z": """
        AcquisitionContextSequence AcquisitionDate AcquisitionTime PatientSexNeutered ReferencedStudySequence
        RequestedProcedureDescription
    """,
    "X/D": """
        AcquisitionDeviceProcessingDescription DateOfLastDetectorCalibration DetectorID InstanceCreationDate
        OperatorIdentificationSequence ProtocolName SeriesDate SeriesTime TimeOfLastDetectorCalibration
    """,
    "X/Z/D": """
        AcquisitionDateTime DeviceSerialNumber InstanceCreationTime InstitutionCodeSequence InstitutionName
        OperatorsName ReferencedPerformedProcedureStepSequence StationName
    """,
    "X/Z/U": "ReferencedImageSequence SourceImageSequence",
    "D": """
        ClinicalTrialProtocolID ClinicalTrialSponsorName ClinicalTrialSubjectID ClinicalTrialSubjectReadingID
        ContentSequence GraphicAnnotationSequence PersonIdentificationCodeSequence PersonName
        VerifyingObserverName VerifyingOrganization
    """,
    "U": """
        AcquisitionUID DeviceUID FrameOfReferenceUID InstanceCreatorUID IrradiationEventUID
        ManufacturerDeviceClassUID MediaStorageSOPInstanceUID ReferencedFrameOfReferenceUID
        ReferencedSOPInstanceUID SeriesInstanceUID SOPInstanceUID StudyInstanceUID
        SynchronizationFrameOfReferenceUID TransactionUID UID
    """,
    "X": """
        AcquisitionComments AcquisitionProtocolDescription AdditionalPatientHistory AdmissionID AdmittingDate
        AdmittingDiagnosesCodeSequence AdmittingDiagnosesDescription AdmittingTime
        Allergies Arbitrary AuthorObserverSequence BranchOfService CalibrationDate CalibrationTime CassetteID
        ClinicalTrialSeriesDescription ClinicalTrialSeriesID ClinicalTrialTimePointDescription
        CommentsOnRadiationDose CommentsOnThePerformedProcedureStep
        ConfidentialityConstraintOnPatientDataDescription ContentCreatorIdentificationCodeSequence
        ContributionDateTime ContributionDescription CountryOfResidence CurrentPatientLocation CurveDate
        CurveTime CustodialOrganizationSequence DataSetTrailingPadding DateOfLastCalibration
        DateOfSecondaryCapture DerivationDescription DeviceDescription DigitalSignaturesSequence
        DischargeDiagnosisDescription DistributionAddress DistributionName EthnicGroup FrameComments GantryID
        GeneratorID IconImageSequence IdentifyingComments ImageComments ImagePresentationComments
        ImagingServiceRequestComments Impressions InstanceCoercionDateTime InstitutionAddress
        InstitutionalDepartmentName InsurancePlanIdentification InterpretationText IssuerOfAdmissionID
        IssuerOfPatientID LastMenstrualDate MAC MedicalAlerts MedicalRecordLocator MilitaryRank
        ModifiedAttributesSequence ModifiedImageDescription NameOfPhysiciansReadingStudy Occupation
        OrderCallbackPhoneNumber OrderEnteredBy OrderEntererLocation OriginalAttributesSequence
        OtherPatientIDs OtherPatientIDsSequence OtherPatientNames OverlayDate OverlayTime ParticipantSequence
        PatientAddress PatientAge PatientBirthName PatientBirthTime PatientComments
        PatientInsurancePlanCodeSequence PatientInstitutionResidence PatientMotherBirthName
        PatientPrimaryLanguageCodeSequence PatientReligiousPreference PatientSize PatientState
        PatientTelecomInformation PatientTelephoneNumbers PatientTransportArrangements PatientWeight
        PerformedLocation PerformedProcedureStepDescription PerformedProcedureStepEndDate
        PerformedProcedureStepEndTime PerformedProcedureStepID PerformedProcedureStepStartDate
        PerformedProcedureStepStartTime PerformedStationAETitle PerformedStationName
        PerformingPhysicianIdentificationSequence PerformingPhysicianName PersonAddress
        PersonTelephoneNumbers PhysiciansOfRecord PhysiciansOfRecordIdentificationSequence
        PhysiciansReadingStudyIdentificationSequence PlateID PregnancyStatus PreMedication
        PresentationCreationDate PresentationCreationTime ReasonForStudy ReasonForTheImagingServiceRequest
        ReasonForTheRequestedProcedure ReasonForVisit ReferencedPatientAliasSequence
        ReferencedPatientPhotoSequence ReferencedPatientSequence ReferringPhysicianAddress
        ReferringPhysicianIdentificationSequence ReferringPhysicianTelephoneNumbers RegionOfResidence
        RequestAttributesSequence RequestedContrastAgent RequestedProcedureComments RequestedProcedureID
        RequestedProcedureLocation RequestingPhysician RequestingService ResponsibleOrganization
        ResponsiblePerson ResultsComments RetrieveAETitle ScheduledPerformingPhysicianName
        ScheduledProcedureStepDescription ScheduledProcedureStepID ScheduledProcedureStepLocation
        ScheduledProcedureStepStartDate ScheduledProcedureStepStartTime ScheduledStationAETitle
        ScheduledStationName SeriesDescription ServiceEpisodeDescription ServiceEpisodeID SmokingStatus
        SourceManufacturer SpecialNeeds StationAETitle StudyArrivalDate StudyComments StudyCompletionDate
        StudyDescription StudyIDIssuer StudyReadDate StudyVerifiedDate TextComments TextString
        TimeOfLastCalibration TimeOfSecondaryCapture TimezoneOffsetFromUTC TopicAuthor TopicKeywords
        TopicSubject TopicTitle UniqueDeviceIdentifier VisitComments XRayDetectorLabel
    """,
}
ACTIONS = {keyword: action for action, keywords in PROFILE.items() for keyword in keywords.split()}

# Everything that a de-identified file of ours may hold; a newer highdicom may not add to it in silence.
OURS = set(
    """
    BitsAllocated BitsStored BurnedInAnnotation CodeMeaning CodeValue CodingSchemeDesignator Columns
    ConversionType DeidentificationMethod DeidentificationMethodCodeSequence HighBit ImageType InstanceNumber
    Laterality LongitudinalTemporalInformationModified Manufacturer ManufacturerModelName Modality
    PatientIdentityRemoved PatientOrientation PhotometricInterpretation PixelData PixelRepresentation
    PlanarConfiguration Rows SamplesPerPixel SeriesNumber SOPClassUID SoftwareVersions SpecificCharacterSet

    AccessionNumber ContentDate ContentTime PatientBirthDate PatientID PatientName PatientSex
    ReferringPhysicianName SeriesInstanceUID SOPInstanceUID StudyDate StudyID StudyInstanceUID StudyTime
    """.split()  # noqa: SIM905
)
META = {
    "FileMetaInformationGroupLength",
    "FileMetaInformationVersion",
    "ImplementationClassUID",
    "ImplementationVersionName",
    "MediaStorageSOPClassUID",
    "MediaStorageSOPInstanceUID",
    "TransferSyntaxUID",
}

WORD, ROOT, TIME, NUMBER = "TELLTALE", "1.2.840.113619.2.55.3.4711", "031415.926535", "479003917"
DAY = datetime(1997, 6, 13, tzinfo=UTC)
FILE = f"{WORD}-19970613-{NUMBER}.dcm"
WRITTEN = ("%Y%m%d", "%Y-%m-%d", "%Y.%m.%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y")


def telling(vr, number):
    """A value of its kind that is found wherever it goes; None for kinds that tell nothing."""
    item = Dataset()
    item.PatientName, item.PatientComments = f"{WORD}^{number}", f"{WORD}-in-a-sequence"
    item.ReferencedSOPInstanceUID, item.StudyDate = f"{ROOT}.9.{number}", f"{DAY:%Y%m%d}"
    item.private_block(0x0031, WORD, create=True).add_new(1, "LO", f"{WORD}-private-within")
    values = {
        "AS": "007Y",
        "DA": f"{DAY:%Y%m%d}",
        "DS": NUMBER,
        "DT": f"{DAY:%Y%m%d}{TIME}",
        "IS": NUMBER,
        "OB": WORD.encode(),
        "SQ": [item],
        "TM": TIME,
        "UI": f"{ROOT}.{number}",
        "US": 4,
    }
    return f"{WORD}_{number}" if vr in _WORDS else values.get(vr)


_WORDS = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"}


def hostile():
    """A film that fills everything there is, as bytes."""
    film = dataset(grey(5, width=180, height=140), SpecificCharacterSet="ISO_IR 192")
    for number, keyword in enumerate(ACTIONS):
        tag = tag_for_keyword(keyword)
        value = telling(dictionary_VR(tag), number)
        if value is not None and tag >> 16 != 2:
            setattr(film, keyword, value)
    film.Modality, film.ViewPosition, film.BodyPartExamined = "CR", "PA", "CHEST"
    for group in (0x0009, 0x0019, 0x7FE1):
        block = film.private_block(group, f"{WORD}_{group}", create=True)
        block.add_new(1, "LO", f"{WORD}-private")
        block.add_new(2, "SQ", telling("SQ", group))
    film.add_new(0x50000022, "LO", f"{WORD}-curve")
    film.add_new(0x50003000, "OB", WORD.encode() * 4)
    film.add_new(0x60003000, "OB", WORD.encode() * 400)
    film.add_new(0x60000022, "LO", f"{WORD}-overlay")
    film.add_new(0x60004000, "LT", f"{WORD}-overlay")
    film.preamble = (WORD * 16).encode()
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    film.file_meta.SourceApplicationEntityTitle = f"{WORD}_AE"
    film.file_meta.PrivateInformationCreatorUID = f"{ROOT}.8"
    film.file_meta.PrivateInformation = WORD.encode()
    return written(film)


def dates(*moments):
    return {moment.strftime(form) for moment in moments for form in WRITTEN}


def found_in(raw, more=()):
    """What of the patient stands in bytes, in either of two ways of writing them."""
    secrets = {WORD, ROOT, TIME, NUMBER, *dates(DAY), *more}
    low = raw.lower()
    return {
        secret for secret in secrets for code in ("utf-8", "utf-16-le") if secret.lower().encode(code) in low
    }


def unpacked(pdf):
    """A PDF's bytes, its streams as they are before they are packed, its words and what it says of itself."""
    parts = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        plain = stream.strip()
        if plain.endswith(b"~>"):
            plain = base64.a85decode(plain.removesuffix(b"~>"))
        with contextlib.suppress(zlib.error):
            plain = zlib.decompress(plain)
        parts.append(plain)
    with pypdfium2.PdfDocument(pdf) as opened:
        parts += [page.get_textpage().get_text_range().encode() for page in opened]
        parts.append(json.dumps(opened.get_metadata_dict()).encode())
    return b"\n".join(parts)


def chunks(png):
    """The names of a PNG's parts."""
    names, at = [], 8
    while at < len(png):
        names.append(png[at + 4 : at + 8])
        at += 12 + int.from_bytes(png[at : at + 4], "big")
    return names


@pytest.fixture(scope="module")
def source():
    return hostile()


@pytest.fixture
def loaded(trained):
    return actions.load_for_reading(trained, MODEL)


@pytest.fixture
def report(loaded, source):
    reading = read_film(loaded, Film(FILE, source))
    standing = actions.standing_of(loaded.model, loaded.model.lock)
    return actions.film_report(
        standing,
        reading,
        Film(FILE, source),
        overlay=a_heatmap(),
        now=datetime(2031, 3, 9, 8, 7, tzinfo=UTC),
    )


def test_the_hostile_film_is_read_and_says_everything(source):
    assert found_in(source) >= {WORD, ROOT, TIME, NUMBER, "19970613"}
    film = pydicom.dcmread(io.BytesIO(source))
    unfilled = {keyword for keyword in ACTIONS if not film.get(keyword) and keyword not in film.file_meta}
    assert unfilled == set()


def test_every_action_of_the_profile_was_taken(report, source):
    one, two = (
        pydicom.dcmread(io.BytesIO(actions.deidentified_dicom(report, Film(FILE, source), looked=True)))
        for _ in range(2)
    )
    for element, again in zip(one.iterall(), two.iterall(), strict=True):
        action = ACTIONS.get(element.keyword, "")
        if action == "U":
            assert UID(element.value).is_valid
            assert not element.value.startswith(ROOT)
            assert element.value != again.value
        elif action:
            assert "Z" in action, f"{element.keyword} has to be gone"
            assert element.is_empty, f"{element.keyword} has to be empty"
    assert not [element for element in one.iterall() if element.tag.is_private]
    assert not [element for element in one if element.tag.group >> 8 in (0x50, 0x60)]
    assert one.file_meta.MediaStorageSOPInstanceUID == one.SOPInstanceUID


def test_a_deidentified_file_holds_what_is_ours_and_nothing_else(report, source):
    raw = actions.deidentified_dicom(report, Film(FILE, source), looked=True)
    found = pydicom.dcmread(io.BytesIO(raw))
    assert {element.keyword for element in found.iterall()} == OURS
    assert {element.keyword for element in found.file_meta} == META
    assert raw[:128] == bytes(128)


def test_no_word_uid_date_or_number_of_the_patient_is_in_any_document(report, source, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    today = dates(datetime.now(UTC), datetime.now().astimezone(), report.made_at)
    dicom = actions.deidentified_dicom(report, Film(FILE, source), looked=True)
    assert found_in(dicom, today) == set()
    png = actions.film_png(report)
    assert found_in(png, today) == set()
    assert set(chunks(png)) == {b"IHDR", b"IDAT", b"IEND"}
    assert found_in(unpacked(actions.film_pdf(report)), today) == {"2031-03-09"}  # when it was written
    assert found_in(caplog.text.encode()) == set()
    assert found_in("".join(capfd.readouterr()).encode()) == set()


def test_nothing_of_the_patient_is_in_the_home_or_in_the_exported_log(trained, loaded, source, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    reading = read_film(loaded, Film(FILE, source))
    number = actions.keep_case(
        trained, loaded.model, reading, actor="app", call="unsure", film=Film(FILE, source), looked=True
    )
    standing = actions.standing_of(loaded.model, loaded.model.lock)
    told = actions.film_report(standing, reading, Film(FILE, source))
    assert WORD.encode() in actions.study_dicom(
        told, Film(FILE, source), confirmed=True
    )  # asked for, and kept nowhere
    actions.note_export(trained, "DICOM, back to the study", actor="app", number=number)
    for export in (actions.cases_csv(trained, actor="app"), actions.cases_json(trained, actor="app")):
        assert found_in(export.encode()) == set()
    kept = trained.cases / str(number)
    pictures = b"".join(file.read_bytes() for file in sorted(kept.iterdir()))
    assert {file.name for file in kept.iterdir()} == {"film.json", "film.png"}
    assert found_in(pictures, dates(datetime.now(UTC), datetime.now().astimezone())) == set()
    assert set(chunks((kept / "film.png").read_bytes())) == {b"IHDR", b"IDAT", b"IEND"}
    assert json.loads((kept / "film.json").read_text())["age_years"] == 7
    assert found_in(everywhere(trained.home)) == set()
    assert found_in(caplog.text.encode()) == set()
    assert found_in("".join(capfd.readouterr()).encode()) == set()


def test_the_pixels_are_those_of_the_film_without_its_overlay(report, source):
    film = dataset(grey(5, width=180, height=140))
    np.testing.assert_array_equal(report.film, film.pixel_array)
    found = pydicom.dcmread(io.BytesIO(actions.deidentified_dicom(report, Film(FILE, source), looked=True)))
    assert found.BurnedInAnnotation == "YES"


def test_the_way_back_to_the_study_takes_nothing_of_makers_machines_and_overlays(report, source):
    found = pydicom.dcmread(io.BytesIO(actions.study_dicom(report, Film(FILE, source), confirmed=True)))
    assert not [element for element in found.iterall() if element.tag.is_private]
    assert not [element for element in found if element.tag.group >> 8 in (0x50, 0x60)]
    ours = {"SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription", "DerivationDescription"}
    for keyword in ours | {"StationName", "DeviceSerialNumber", "OperatorsName", "ImageComments"}:
        assert WORD not in str(found.get(keyword, ""))
        assert ROOT not in str(found.get(keyword, ""))
    assert found.StudyInstanceUID.startswith(ROOT)
    assert WORD in str(found.PatientName)
