"""A worker: reads the folders that it is told of and answers in lines; whatever ends it is a finding."""

import json
import resource
import sys
import traceback
import warnings

#: Address space, and how far the memory that was really used may rise while one folder is read, bytes.
SPACE, RISE = 6 << 30, 256 << 20


def main():
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever is printed is no answer
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
    from oracle import Wrong, judge

    warnings.simplefilter("ignore")
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer = {"wrong": ""}
        try:
            answer |= judge(json.loads(line))
        except Wrong as error:
            answer["wrong"] = f"Wrong: {error}"
        except BaseException as error:  # also panics, which are no Exception
            frames = [f for f in traceback.extract_tb(error.__traceback__) if "/dicomview/" in f.filename]
            at = "/".join(f"{f.filename.rpartition('/')[2]}:{f.name}" for f in frames[-3:])
            answer["wrong"] = f"{type(error).__name__} at {at}: {str(error)[:300]}"
            answer["trace"] = "".join(traceback.format_exception(error))[-4000:]
        rise = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
        if not answer["wrong"] and rise > RISE:
            answer["wrong"] = f"Memory: {rise >> 20} MB"
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
