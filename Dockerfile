# One image for the worker, the scheduler, Flower and the migrations. All dependencies come as wheels: no compiler.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/flowledger \
    && /opt/flowledger/bin/pip install --no-cache-dir --only-binary :all: --constraint constraints.txt ".[local]"

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home flowledger
COPY --from=build /opt/flowledger /opt/flowledger
ENV PATH="/opt/flowledger/bin:$PATH"
USER flowledger
WORKDIR /home/flowledger
CMD ["flowledger", "worker"]
