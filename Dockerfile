# One image for the worker, beat, Flower and the migrations. There are no servers in it; all dependencies come as wheels,
# so no compiler is needed.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/flowledger \
    && /opt/flowledger/bin/pip install --no-cache-dir --only-binary :all: --constraint constraints.txt ".[flower]"

FROM python:3.12-slim
# The folder is where the volume with Redis's users is mounted: a new volume takes over its owner.
RUN useradd --uid 10001 --create-home flowledger \
    && install --directory --owner flowledger /users
COPY --from=build /opt/flowledger /opt/flowledger
ENV PATH="/opt/flowledger/bin:$PATH"
USER flowledger
WORKDIR /home/flowledger
CMD ["flowledger", "worker"]
